variable "id" {
  description = "Id of the partner, also its prefix in buckets."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9-]{1,40}$", var.id))
    error_message = "The id of a partner has 1 to 40 small letters, digits and hyphens."
  }
}

variable "project" {
  description = "Project of the exchange."
  type        = string
  nullable    = false
}

variable "principals" {
  description = "Who the partner is: members of IAM."
  type        = list(string)
  nullable    = false

  validation {
    condition     = alltrue([for p in var.principals : can(regex("^(user|group|serviceAccount):[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$", p))])
    error_message = "A principal of a partner is user:, group: or serviceAccount: with an address; never allUsers."
  }
  validation {
    condition     = length(var.principals) > 0 || var.workload != null
    error_message = "A partner needs somebody who it is: principals, or issuer and subjects."
  }
}

variable "workload" {
  description = "The partner's workloads elsewhere: the pool (projects/<number>/locations/global/workloadIdentityPools/<pool>), the issuer of their OpenID Connect tokens (https), audiences (empty: the provider's name), subjects; null: it has none."
  type        = object({ pool = string, issuer = string, audiences = list(string), subjects = list(string) })
  default     = null

  validation {
    condition     = try(startswith(var.workload.issuer, "https://"), true)
    error_message = "The issuer of a partner's tokens is a URL that starts with https://."
  }
  validation {
    condition     = var.workload == null || try(length(var.workload.subjects) > 0, false)
    error_message = "A partner with an issuer needs subjects: whom of the issuer's it is."
  }
  validation {
    condition     = alltrue([for s in try(var.workload.subjects, []) : length(s) >= 1 && length(s) <= 80 && !strcontains(s, "*")])
    error_message = "A subject has 1 to 80 characters and no asterisk."
  }
}

variable "drops" {
  description = "Bucket that the partner drops into."
  type        = string
  nullable    = false
}

variable "quarantine" {
  description = "Bucket with the partner's refused rows and reports."
  type        = string
  nullable    = false
}

variable "topics" {
  description = "Topics that the partner publishes to: their names."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "protected" {
  description = "Refuse to delete the partner's folders while anything is in them."
  type        = bool
  default     = true
  nullable    = false
}
