variable "name" {
  description = "Name of the function, its role and its log group."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.name) <= 64
    error_message = "The names of functions and roles have at most 64 characters."
  }
}

variable "description" {
  description = "What the function does."
  type        = string
  nullable    = false
}

variable "labels" {
  description = "Tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "package" {
  description = "The zip with the program: its path, and its SHA-256 in base64."
  type        = object({ file = string, hash = string })
  nullable    = false
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
  nullable    = false
}

variable "policy" {
  description = "What the function may do: the policy of its role, as JSON."
  type        = string
  nullable    = false

  validation {
    condition     = length(var.policy) <= 10240
    error_message = "The policies in a role have at most 10,240 characters."
  }
}

variable "size" {
  description = "Memory and disk in MB, timeout in seconds."
  type        = object({ memory = number, disk = number, timeout = number })
  nullable    = false
}

variable "concurrency" {
  description = "How many handle the queue at once, and how many more are kept for HTTP and ticks."
  type        = object({ queue = number, extra = number })
  nullable    = false
}

variable "queue" {
  description = "The queue that wakes the function: its ARN, how many messages are handled together at most, and how many seconds the first waits for the others; null: none does."
  type        = object({ arn = string, batch = number, window = number })
  nullable    = true
}

variable "encryption" {
  description = "Whether the environment is encrypted by a KMS key of ours, and its ARN; otherwise by Lambda's own."
  type        = object({ kms = bool, key = string })
  nullable    = false
}

variable "network" {
  description = "Where in a VPC the function runs; empty: in none."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = { subnet_ids = [], security_group_ids = [] }
  nullable    = false
}

variable "xray" {
  description = "Whether X-Ray traces invocations."
  type        = bool
  default     = false
  nullable    = false
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
  nullable    = false
}
