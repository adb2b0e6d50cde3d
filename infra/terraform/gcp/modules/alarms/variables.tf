variable "name" {
  description = "Name of the function; names of alarms start with it."
  type        = string
  nullable    = false
}

variable "project" {
  description = "Project of the alarms."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Labels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "queue" {
  description = "Whether the function has queues."
  type        = bool
  nullable    = false
}

variable "thresholds" {
  description = "Age of the oldest message in seconds, and errors in five minutes."
  type        = object({ age = number, errors = number })
  nullable    = false
}

variable "channels" {
  description = "Notification channels (names) that are told."
  type        = list(string)
  default     = []
  nullable    = false
}
