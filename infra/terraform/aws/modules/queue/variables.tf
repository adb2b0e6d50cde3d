variable "name" {
  description = "Name of the queue; that of its dead-letter queue ends in -dead."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) <= 75
    error_message = "The name of a queue has at most 75 characters here, and -dead needs 5 more."
  }
}

variable "labels" {
  description = "Tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "arn" {
  description = "ARN of the queue, made of its name."
  type        = string
  nullable    = false
}

variable "topics" {
  description = "Topics that the queue is subscribed to: ARNs by name."
  type        = map(string)
  nullable    = false
}

variable "timeout" {
  description = "Seconds that the function may take. A message that it has not handled comes again after six times that, as AWS advises."
  type        = number
  nullable    = false
}

variable "receives" {
  description = "How often a message is tried before it goes to the dead-letter queue."
  type        = number
  nullable    = false
}

variable "encryption" {
  description = "Whether messages are encrypted by a KMS key of ours, and its ARN; otherwise by SQS's own."
  type        = object({ kms = bool, key = string })
  nullable    = false
}
