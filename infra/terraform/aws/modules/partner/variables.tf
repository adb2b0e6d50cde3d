variable "id" {
  description = "Id of the partner, also its prefix in buckets."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]{1,40}$", var.id))
    error_message = "The id of a partner has 1 to 40 small letters, digits and hyphens."
  }
}

variable "name" {
  description = "Prefix of names."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "principals" {
  description = "Who may take the partner's role: ARNs of roles or users, or ids of accounts."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for p in var.principals : can(regex("^([0-9]{12}|arn:[a-z-]+:iam::[0-9]{12}:(root|role/[\\w+=,.@/-]+|user/[\\w+=,.@/-]+))$", p))])
    error_message = "A principal of a partner is the ARN of a role or user, or the id of an account; never a wildcard."
  }
  validation {
    condition     = length(var.principals) > 0
    error_message = "A partner's role needs somebody who may take it."
  }
}

variable "external_id" {
  description = "External id that the partner says when it takes its role."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[\\w+=,.@:/-]+$", var.external_id)) && length(var.external_id) >= 2 && length(var.external_id) <= 1224
    error_message = "An external id has 2 to 1224 letters, digits and characters of _+=,.@:/-."
  }
}

variable "drops" {
  description = "The bucket that the partner drops into, and the ARN of the key that it encrypts with (\"\": S3's own)."
  type        = object({ arn = string, kms = bool, key = string })
  nullable    = false
}

variable "quarantine" {
  description = "The bucket with the partner's refused rows and reports, and the ARN of its key (\"\": S3's own)."
  type        = object({ arn = string, kms = bool, key = string })
  nullable    = false
}

variable "api" {
  description = "ARN of the stage of the HTTP API; empty: none."
  type        = object({ enabled = bool, arn = string })
  default     = { enabled = false, arn = "" }
  nullable    = false
}

variable "via" {
  description = "Through which service keys may be used, such as s3.eu-central-1.amazonaws.com."
  type        = string
  nullable    = false
}
