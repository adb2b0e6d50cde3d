variable "name" {
  description = "Name of the function or topic that the subscriptions are of; their names start with it."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) <= 200
    error_message = "The name of a queue has at most 200 characters here, and those of topics follow it."
  }
}

variable "project" {
  description = "Project of the subscriptions."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region in which messages are kept."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Labels."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "topics" {
  description = "Topics that are subscribed to, by name: their ids, and the path at the endpoint that their messages are pushed to."
  type        = map(object({ id = string, path = string }))
  nullable    = false
}

variable "endpoint" {
  description = "URL of the function, which is also the audience of the tokens."
  type        = string
  nullable    = false
}

variable "identity" {
  description = "Service account (e-mail) as which messages are pushed."
  type        = string
  nullable    = false
}

variable "agent" {
  description = "Agent of Pub/Sub, as a member of IAM."
  type        = string
  nullable    = false
}

variable "timeout" {
  description = "Seconds that Pub/Sub waits for the function's answer."
  type        = number
  nullable    = false

  validation {
    condition     = var.timeout >= 10 && var.timeout <= 600
    error_message = "Pub/Sub waits 10 to 600 seconds for an answer."
  }
}

variable "receives" {
  description = "How often a message is tried before it goes to the topic of dead letters; 0: for as long as it is kept, 14 days."
  type        = number
  nullable    = false
}

variable "encryption" {
  description = "Name of the key of Cloud KMS that messages are encrypted with; null: Google's own."
  type        = object({ key = string })
  nullable    = false
}
