variable "name" {
  description = "Name of the bucket."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) >= 3 && length(var.name) <= 63
    error_message = "The name of a bucket has 3 to 63 characters."
  }
}

variable "project" {
  description = "Project of the bucket."
  type        = string
  nullable    = false
}

variable "location" {
  description = "Region of the bucket."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Labels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "encryption" {
  description = "Name of the key of Cloud KMS that objects are encrypted with; null: Google's own."
  type        = object({ key = string })
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to delete the bucket while anything is in it."
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
  description = "For how many days no object may be deleted or replaced, and whether that can no longer be shortened by anybody. 0 days: no lock."
  type        = object({ days = number, locked = bool })
  default     = { days = 0, locked = false }
  nullable    = false
}

variable "bindings" {
  description = "Who has which role, and under which condition (or none): the whole policy of the bucket."
  type = list(object({
    role      = string
    members   = list(string)
    condition = optional(object({ title = string, expression = string }))
  }))
  nullable = false
}
