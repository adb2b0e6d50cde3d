variable "name" {
  description = "Name of the function; names of alarms start with it."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "queue" {
  description = "Names of the function's queue and dead-letter queue; null: it has none."
  type        = object({ name = string, dead = string })
  nullable    = true
}

variable "thresholds" {
  description = "Age of the oldest message in seconds, and errors in five minutes."
  type        = object({ age = number, errors = number })
  nullable    = false
}

variable "topics" {
  description = "SNS topics (ARNs) that are told."
  type        = list(string)
  default     = []
  nullable    = false
}
