variable "name" {
  description = "Name of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) >= 3 && length(var.name) <= 63
    error_message = "The name of a bucket has 3 to 63 characters."
  }
}

variable "labels" {
  description = "Tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "partition" {
  description = "Partition of AWS, such as aws."
  type        = string
  nullable    = false
}

variable "encryption" {
  description = "Whether objects are encrypted by a KMS key of ours (with a bucket key), and its ARN; otherwise by S3's own."
  type        = object({ kms = bool, key = string })
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to delete the bucket, or to empty it in order to delete it."
  type        = bool
  default     = true
  nullable    = false
}

variable "retention" {
  description = "How many days objects are kept, by the prefix of their keys; \"\" is all of them. Empty: for good."
  type        = map(number)
  default     = {}
  nullable    = false
}

variable "versioned" {
  description = "Keep replaced objects as older versions. Without that what is overwritten is gone at once."
  type        = bool
  default     = true
  nullable    = false
}

variable "noncurrent_days" {
  description = "How many days a replaced or expired object is kept as an older version."
  type        = number
  default     = 7
  nullable    = false
}

variable "lock" {
  description = "Object Lock of each new object: GOVERNANCE or COMPLIANCE, and for how many days. 0 days: none. It can only be switched on when the bucket is made."
  type        = object({ mode = string, days = number })
  default     = { mode = "GOVERNANCE", days = 0 }
  nullable    = false
}

variable "append_only" {
  description = "Nobody deletes an object, whatever their policies say."
  type        = bool
  default     = false
  nullable    = false
}

variable "denied" {
  description = "Who must not do what with objects, whatever their policies say: for each action the ARNs of roles."
  type        = map(list(string))
  default     = {}
  nullable    = false
}
