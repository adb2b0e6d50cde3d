variable "name" {
  description = "Name of the service."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) <= 49
    error_message = "The name of a service has at most 49 characters."
  }
}

variable "description" {
  description = "What the function does."
  type        = string
  nullable    = false
}

variable "project" {
  description = "Project of the service."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the service."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Labels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "image" {
  description = "The image with the program, by digest."
  type        = string
  nullable    = false
}

variable "identity" {
  description = "Service account (e-mail) that the function is."
  type        = string
  nullable    = false
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
  nullable    = false
}

variable "secrets" {
  description = "Environment variables that are read from Secret Manager when an instance starts: names of secrets."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "size" {
  description = "Memory in MB, processors, timeout in seconds, requests of an instance at once, instances at most and at least."
  type        = object({ memory = number, processors = number, timeout = number, concurrency = number, instances = number, minimum = number })
  nullable    = false

  validation {
    condition     = var.size.processors >= (var.size.memory > 24576 ? 8 : var.size.memory > 16384 ? 6 : var.size.memory > 8192 ? 4 : var.size.memory > 4096 ? 2 : 1)
    error_message = "Cloud Run wants 2 processors for more than 4096 MB, 4 for more than 8192, 6 for more than 16384, 8 for more than 24576."
  }
  validation {
    condition     = var.size.memory >= (var.size.processors > 4 ? 4096 : var.size.processors > 2 ? 2048 : 512)
    error_message = "Cloud Run wants 2048 MB for 4 processors, and 4096 for more."
  }
}

variable "invokers" {
  description = "Who may invoke the function: members of IAM."
  type        = list(string)
  nullable    = false
}

variable "open" {
  description = "Anybody may ask: the function itself says who gets an answer."
  type        = bool
  default     = false
  nullable    = false
}

variable "encryption" {
  description = "Name of the key of Cloud KMS that the image is encrypted with; null: Google's own."
  type        = object({ key = string })
  nullable    = false
}

variable "network" {
  description = "Network and subnetwork that all requests of the function go through; empty: Google's own."
  type        = object({ network = string, subnetwork = string })
  default     = { network = "", subnetwork = "" }
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuse to delete the service."
  type        = bool
  default     = true
  nullable    = false
}
