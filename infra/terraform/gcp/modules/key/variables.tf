variable "name" {
  description = "Name of the key in its ring."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,63}$", var.name))
    error_message = "The name of a key has 1 to 63 letters, digits, hyphens and underscores."
  }
}

variable "ring" {
  description = "Key ring of Cloud KMS that the key is in."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Labels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "users" {
  description = "Members of IAM: who encrypts and decrypts, and who only decrypts."
  type        = object({ both = list(string), decrypt = list(string) })
  nullable    = false
}

variable "rotation_days" {
  description = "Days after which the key gets new material; the old one still decrypts."
  type        = number
  default     = 365
  nullable    = false
}

variable "deletion_days" {
  description = "Days from asking for the deletion of a version until it is gone."
  type        = number
  default     = 30
  nullable    = false
}
