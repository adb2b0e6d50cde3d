variable "name" {
  description = "Prefix of the names of all resources. Names of buckets are shared by all of Google Cloud: choose one that nobody else has."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name)) && !can(regex("--", var.name))
    error_message = "name must have 2 to 20 characters: small letters, digits and single hyphens, with a letter first and no hyphen last."
  }
  validation {
    condition     = !startswith(var.name, "goog") && !startswith(var.name, "gcp-") && !strcontains(var.name, "google")
    error_message = "name must not start with goog or gcp-, or contain google, which are reserved."
  }
}

variable "project" {
  description = "Id of the project that everything is in. It should hold nothing else: who administers the project administers the exchange."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be the id of a project: 6 to 30 small letters, digits and hyphens, with a letter first."
  }
}

variable "region" {
  description = "Region of everything, such as europe-west3."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]+-[a-z]+[0-9]+$", var.region))
    error_message = "region must be one of Google Cloud, such as europe-west3."
  }
}

variable "labels" {
  description = "Labels of everything that can have labels."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for k, v in var.labels : can(regex("^[a-z][a-z0-9_-]{0,62}$", k)) && can(regex("^[a-z0-9_-]{0,63}$", v))])
    error_message = "A label has a name of 1 to 63 small letters, digits, hyphens and underscores, with a letter first, and such a value of at most 63."
  }
  validation {
    condition     = length(var.labels) <= 60
    error_message = "There can be at most 60 labels: resources of Google Cloud have 64 at most."
  }
}

variable "exchange_dir" {
  description = "Folder of the exchange: exchange.yaml, partners/*.yaml, contracts/*.odcs.yaml. It says who the partners are."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists("${var.exchange_dir}/exchange.yaml")
    error_message = "exchange_dir has no exchange.yaml: it is not the folder of an exchange."
  }
}

variable "images" {
  description = "Image of each function, by digest: those that make dist wrote, pushed to a registry that Cloud Run can read."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(yamldecode(file("${path.module}/../wiring/wiring.yaml")).functions), keys(var.images))) == 0
    error_message = "images lacks one of the functions in wiring.yaml."
  }
  validation {
    condition     = length(setsubtract(keys(var.images), keys(yamldecode(file("${path.module}/../wiring/wiring.yaml")).functions))) == 0
    error_message = "images names a function that wiring.yaml does not have."
  }
  validation {
    condition     = alltrue([for i in values(var.images) : can(regex("^[a-z0-9./_:-]+@sha256:[0-9a-f]{64}$", i))])
    error_message = "An image is named by its digest: <registry>/<repository>@sha256:<64 hex digits>."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete buckets that hold anything, and functions. To remove a deployment, apply it with false first."
  type        = bool
  default     = true
  nullable    = false
}

variable "operators" {
  description = "Who publishes configurations, keeps the key ring and verifies the ledger: members of IAM, such as group:platform@example.com. Nobody else may, but who administers the project."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for m in var.operators : can(regex("^(user|group|serviceAccount):[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$", m)) || can(regex("^principal(Set)?://iam\\.googleapis\\.com/[A-Za-z0-9/._:-]+$", m))])
    error_message = "An operator is user:, group: or serviceAccount: with an address, or principal:// or principalSet:// of a workload or workforce pool; never allUsers."
  }
}

variable "ledger" {
  description = "The ledger: its name, the secret in Secret Manager (projects/<project>/secrets/<name>) with its signing key, and for how many days no object may be deleted or replaced. A lock that is locked cannot be undone by anybody."
  type = object({
    origin    = string
    key       = string
    lock_days = optional(number, 365)
    locked    = optional(bool, false)
  })
  nullable = false

  validation {
    condition     = can(regex("^[^\\s+]{1,200}$", var.ledger.origin))
    error_message = "ledger.origin is the name of the ledger's key: no spaces, no plus sign."
  }
  validation {
    condition     = can(regex("^projects/[a-z0-9-]+/secrets/[A-Za-z0-9_-]{1,255}$", var.ledger.key))
    error_message = "ledger.key must name a secret: projects/<project>/secrets/<name>."
  }
  validation {
    condition     = var.ledger.lock_days >= 1 && var.ledger.lock_days <= 36500 && floor(var.ledger.lock_days) == var.ledger.lock_days
    error_message = "ledger.lock_days must be a whole number from 1 to 36500."
  }
}

variable "retention" {
  description = "Days for which each bucket keeps its objects, and how long replaced ones are kept. Where a contract has a retention that is shorter, that counts. Ledger and exchange are kept for good."
  type = object({
    drops      = optional(number, 90)
    landing    = optional(number, 30)
    masked     = optional(number, 30)
    quarantine = optional(number, 90)
    state      = optional(number, 400)
    noncurrent = optional(number, 7)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for days in values(var.retention) : days >= 1 && days <= 36500 && floor(days) == days])
    error_message = "Each retention must be a whole number of days from 1 to 36500."
  }
  validation {
    condition     = var.retention.landing >= 15 && var.retention.masked >= 15 && var.retention.state >= 15
    error_message = "landing, masked and state must be kept for 15 days or more: a message may be 14 days old when it is handled."
  }
}

variable "customer_managed_keys" {
  description = "Keys of Cloud KMS: one for each bucket, one for topics, one for what functions keep. With enabled = false Google keeps the keys, but for that of the key ring. Partners' own keys are made in any case."
  type = object({
    enabled       = optional(bool, true)
    rotation_days = optional(number, 365)
    deletion_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.customer_managed_keys.rotation_days >= 1 && var.customer_managed_keys.rotation_days <= 3650
    error_message = "rotation_days must be from 1 to 3650."
  }
  validation {
    condition     = var.customer_managed_keys.deletion_days >= 1 && var.customer_managed_keys.deletion_days <= 120
    error_message = "deletion_days must be from 1 to 120."
  }
}

variable "network" {
  description = "Private connectivity: the functions send all that they send through this subnetwork, which needs Private Google Access, and a way out where destinations are elsewhere. Without network they use Google's own way."
  type = object({
    network    = optional(string, "")
    subnetwork = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = (var.network.network == "") == (var.network.subnetwork == "")
    error_message = "network needs network and subnetwork, or neither."
  }
}

variable "functions" {
  description = "What a function gets, where it is not to be the default: memory in MB, processors, timeout in seconds, concurrency (requests of an instance at once), instances (at most), minimum (always there), receives (how often a message is tried; 0: for 14 days)."
  type = map(object({
    memory      = optional(number)
    processors  = optional(number)
    timeout     = optional(number)
    concurrency = optional(number)
    instances   = optional(number)
    minimum     = optional(number)
    receives    = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.functions), keys(yamldecode(file("${path.module}/../wiring/wiring.yaml")).functions))) == 0
    error_message = "functions names one that wiring.yaml does not have."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : coalesce(f.memory, 512) >= 512 && coalesce(f.memory, 512) <= 32768 && contains([1, 2, 4, 6, 8], coalesce(f.processors, 1))])
    error_message = "memory is 512 to 32768 MB, processors are 1, 2, 4, 6 or 8."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : coalesce(f.timeout, 60) >= 20 && coalesce(f.timeout, 60) <= 600])
    error_message = "timeout is 20 to 600 seconds: Pub/Sub waits no longer for an answer."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : coalesce(f.concurrency, 1) >= 1 && coalesce(f.concurrency, 1) <= 1000 && coalesce(f.instances, 1) >= 1 && coalesce(f.instances, 1) <= 1000])
    error_message = "concurrency and instances are 1 to 1000."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : try(f.minimum, null) == null || (coalesce(f.minimum, 0) >= 0 && coalesce(f.minimum, 0) <= 100)])
    error_message = "minimum is 0 to 100."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : try(f.receives, null) == null || coalesce(f.receives, 0) == 0 || (coalesce(f.receives, 0) >= 5 && coalesce(f.receives, 0) <= 100)])
    error_message = "receives is 0, or 5 to 100."
  }
}

variable "events" {
  description = "Whether partners that drop get topics, one for each of their drop rules, to which they publish events."
  type = object({
    enabled = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "http" {
  description = "Whether callers whom the exchange grants it can have tokens revealed (POST /v1/reveal; the function itself says who may)."
  type = object({
    reveal = optional(bool, false)
  })
  default  = {}
  nullable = false
}

variable "ticks" {
  description = "Functions that get a tick, and when: a schedule of cron, in UTC. No function acts on ticks yet, so the default is none."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.ticks), [for name, f in yamldecode(file("${path.module}/../wiring/wiring.yaml")).functions : name if length(f.hears) > 0])) == 0
    error_message = "ticks names a function that wiring.yaml does not have, or that answers requests only."
  }
  validation {
    condition     = alltrue([for when in values(var.ticks) : can(regex("^([0-9*/,-]+ ){4}[0-9*/,-]+$", when))])
    error_message = "A schedule has five parts, such as */5 * * * *."
  }
}

variable "alarms" {
  description = "Notification channels (names) that alarms go to, and their thresholds: age of the oldest message in seconds by function, errors in five minutes, hours without a drop (0: no alarm)."
  type = object({
    channels        = optional(list(string), [])
    age             = optional(number, 900)
    ages            = optional(map(number), { fanout = 86400 })
    errors          = optional(number, 5)
    freshness_hours = optional(number, 0)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for c in var.alarms.channels : can(regex("^projects/[a-z0-9-]+/notificationChannels/[0-9]+$", c))])
    error_message = "alarms.channels must be names of notification channels: projects/<project>/notificationChannels/<number>."
  }
  validation {
    condition     = var.alarms.age >= 60 && alltrue([for s in values(var.alarms.ages) : s >= 60]) && var.alarms.errors >= 1
    error_message = "Ages are 60 seconds or more, errors 1 or more."
  }
  validation {
    condition     = var.alarms.freshness_hours >= 0 && var.alarms.freshness_hours <= 23
    error_message = "freshness_hours is 0 to 23: an alarm looks back a day at most."
  }
}

variable "telemetry" {
  description = "What functions log: DEBUG, INFO, WARN or ERROR."
  type = object({
    log = optional(string, "INFO")
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN", "ERROR"], var.telemetry.log)
    error_message = "telemetry.log must be DEBUG, INFO, WARN or ERROR."
  }
}
