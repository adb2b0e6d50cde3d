variable "name" {
  description = "Name of the key: its alias."
  type        = string
  nullable    = false
}

variable "description" {
  description = "What the key protects."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "owner" {
  description = "Principal that administers the key and whose IAM policies decide who uses it: the root of the account (ARN)."
  type        = string
  nullable    = false
}

variable "denied" {
  description = "Who must not use the key, whatever their policies say: for each action the ARNs of roles."
  type        = map(list(string))
  default     = {}
  nullable    = false
}

variable "granted" {
  description = "Roles (ARNs) that use the key without a policy of their own that says so, and the actions. They need not exist yet."
  type        = object({ actions = list(string), roles = list(string) })
  default     = { actions = [], roles = [] }
  nullable    = false
}

variable "services" {
  description = "Services of AWS that use the key on their own: for each the actions, and the account that they must act for."
  type        = map(object({ actions = list(string), account = string }))
  default     = {}
  nullable    = false
}

variable "rotation_days" {
  description = "Days after which the key gets new material; the old one still decrypts."
  type        = number
  default     = 365
  nullable    = false
}

variable "deletion_days" {
  description = "Days from asking for its deletion until the key is gone."
  type        = number
  default     = 30
  nullable    = false
}
