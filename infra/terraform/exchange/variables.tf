variable "dir" {
  description = "Folder of the exchange: exchange.yaml, partners/*.yaml, contracts/*.odcs.yaml."
  type        = string
  nullable    = false
}

variable "cloud" {
  description = "Cloud whose part of access in partners' files is read: aws or gcp."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["aws", "gcp"], var.cloud)
    error_message = "cloud must be aws or gcp."
  }
}

variable "retention" {
  description = "Days for which each bucket keeps its objects, where no contract says less."
  type        = object({ drops = number, landing = number, masked = number, quarantine = number, state = number })
  nullable    = false
}
