variable "name" {
  description = "Prefix of the names of all resources. Names of buckets are shared by all of AWS: choose one that nobody else has."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,18}[a-z0-9]$", var.name)) && !can(regex("--", var.name))
    error_message = "name must have 2 to 20 characters: small letters, digits and single hyphens, with a letter first and no hyphen last."
  }
  validation {
    condition     = !startswith(var.name, "xn-") && !startswith(var.name, "sthree-") && !startswith(var.name, "aws-")
    error_message = "name must not start with xn-, sthree- or aws-, which are reserved."
  }
}

variable "region" {
  description = "Region of everything, such as eu-central-1."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be one of AWS, such as eu-central-1."
  }
}

variable "labels" {
  description = "Tags of everything that can have tags."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for k, v in var.labels : length(k) >= 1 && length(k) <= 128 && length(v) <= 256 && !startswith(lower(k), "aws:")])
    error_message = "A label has a name of 1 to 128 characters that does not start with aws:, and a value of at most 256."
  }
  validation {
    condition     = length(var.labels) <= 45
    error_message = "There can be at most 45 labels: objects of AWS have 50 tags at most."
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

variable "dist_dir" {
  description = "Folder that make dist wrote: manifest.json and <function>-lambda-arm64.zip."
  type        = string
  nullable    = false

  validation {
    condition     = fileexists("${var.dist_dir}/manifest.json")
    error_message = "dist_dir has no manifest.json: run make dist."
  }
}

variable "deletion_protection" {
  description = "Refuse to delete buckets and what is in them. To remove a deployment, apply it with false first."
  type        = bool
  default     = true
  nullable    = false
}

variable "ledger" {
  description = "The ledger: its name, the secret in Secrets Manager (ARN) with its signing key, and how long its objects are locked (S3 Object Lock). COMPLIANCE cannot be undone by anybody."
  type = object({
    origin    = string
    key       = string
    lock_mode = optional(string, "GOVERNANCE")
    lock_days = optional(number, 365)
  })
  nullable = false

  validation {
    condition     = can(regex("^[^\\s+]{1,200}$", var.ledger.origin))
    error_message = "ledger.origin is the name of the ledger's key: no spaces, no plus sign."
  }
  validation {
    condition     = can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$", var.ledger.key))
    error_message = "ledger.key must be the ARN of a secret in Secrets Manager."
  }
  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE"], var.ledger.lock_mode)
    error_message = "ledger.lock_mode must be GOVERNANCE or COMPLIANCE."
  }
  validation {
    condition     = var.ledger.lock_days >= 1 && var.ledger.lock_days <= 36500 && floor(var.ledger.lock_days) == var.ledger.lock_days
    error_message = "ledger.lock_days must be a whole number from 1 to 36500."
  }
}

variable "retention" {
  description = "Days for which each bucket keeps its objects, and how long replaced ones and logs are kept. Where a contract has a retention that is shorter, that counts. Ledger and exchange are kept for good."
  type = object({
    drops      = optional(number, 90)
    landing    = optional(number, 30)
    masked     = optional(number, 30)
    quarantine = optional(number, 90)
    state      = optional(number, 400)
    noncurrent = optional(number, 7)
    logs       = optional(number, 30)
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
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.retention.logs)
    error_message = "logs must be a number of days that CloudWatch Logs knows, such as 7, 30, 90 or 365."
  }
}

variable "customer_managed_keys" {
  description = "KMS keys: one for each bucket, one for queues, one for what functions keep. With enabled = false AWS keeps the keys, but for that of the key ring. Partners' own keys are made in any case."
  type = object({
    enabled       = optional(bool, true)
    rotation_days = optional(number, 365)
    deletion_days = optional(number, 30)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.customer_managed_keys.rotation_days >= 90 && var.customer_managed_keys.rotation_days <= 2560
    error_message = "rotation_days must be from 90 to 2560."
  }
  validation {
    condition     = var.customer_managed_keys.deletion_days >= 7 && var.customer_managed_keys.deletion_days <= 30
    error_message = "deletion_days must be from 7 to 30."
  }
}

variable "network" {
  description = "Private connectivity: the functions run in these subnets. With endpoints = true the VPC gets endpoints for S3, SNS and KMS; destinations elsewhere need a way out of the VPC. Without vpc_id the functions run in no VPC."
  type = object({
    vpc_id          = optional(string, "")
    subnet_ids      = optional(list(string), [])
    route_table_ids = optional(list(string), [])
    endpoints       = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = (var.network.vpc_id == "") == (length(var.network.subnet_ids) == 0)
    error_message = "network needs vpc_id and subnet_ids, or neither."
  }
  validation {
    condition     = !var.network.endpoints || (var.network.vpc_id != "" && length(var.network.route_table_ids) > 0)
    error_message = "network.endpoints needs vpc_id and route_table_ids, in which the way to S3 is written."
  }
}

variable "functions" {
  description = "What a function gets, where it is not to be the default: memory and disk in MB, timeout in seconds, concurrency (how many handle its queue at once), extra (how many more for HTTP and ticks), receives (how often a message is tried)."
  type = map(object({
    memory      = optional(number)
    disk        = optional(number)
    timeout     = optional(number)
    concurrency = optional(number)
    extra       = optional(number)
    receives    = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.functions), keys(yamldecode(file("${path.module}/../wiring/wiring.yaml")).functions))) == 0
    error_message = "functions names one that wiring.yaml does not have."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : coalesce(f.memory, 512) >= 128 && coalesce(f.memory, 512) <= 10240 && coalesce(f.disk, 512) >= 512 && coalesce(f.disk, 512) <= 10240])
    error_message = "memory is 128 to 10240 MB, disk 512 to 10240 MB."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : coalesce(f.timeout, 60) >= 10 && coalesce(f.timeout, 60) <= 900])
    error_message = "timeout is 10 to 900 seconds."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : coalesce(f.concurrency, 2) >= 2 && coalesce(f.concurrency, 2) <= 1000 && coalesce(f.extra, 0) >= 0])
    error_message = "concurrency is 2 to 1000, extra is 0 or more."
  }
  validation {
    condition     = alltrue([for f in values(var.functions) : coalesce(f.receives, 10) >= 1 && coalesce(f.receives, 10) <= 1000])
    error_message = "receives is 1 to 1000."
  }
}

variable "http" {
  description = "Whether partners can post events over HTTP (an HTTP API with IAM authorization), whether callers whom the exchange grants it can have tokens revealed there (POST /v1/reveal; the function itself says who may), and how many requests a second."
  type = object({
    enabled = optional(bool, false)
    reveal  = optional(bool, false)
    rate    = optional(number, 50)
    burst   = optional(number, 100)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.http.rate >= 1 && var.http.burst >= 1
    error_message = "rate and burst must be 1 or more."
  }
}

variable "ticks" {
  description = "Functions that get a tick, and when: rate(...) or cron(...). No function acts on ticks yet, so the default is none."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.ticks), keys(yamldecode(file("${path.module}/../wiring/wiring.yaml")).functions))) == 0
    error_message = "ticks names a function that wiring.yaml does not have."
  }
  validation {
    condition     = alltrue([for when in values(var.ticks) : can(regex("^(rate|cron)\\(.+\\)$", when))])
    error_message = "A schedule is rate(...) or cron(...)."
  }
}

variable "alarms" {
  description = "SNS topics (ARNs) that alarms go to, and their thresholds: age of the oldest message in seconds by function, errors in five minutes, hours without a drop (0: no alarm)."
  type = object({
    topics          = optional(list(string), [])
    age             = optional(number, 900)
    ages            = optional(map(number), { fanout = 86400 })
    errors          = optional(number, 5)
    freshness_hours = optional(number, 0)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for t in var.alarms.topics : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", t))])
    error_message = "alarms.topics must be ARNs of SNS topics."
  }
  validation {
    condition     = var.alarms.age >= 60 && alltrue([for s in values(var.alarms.ages) : s >= 60]) && var.alarms.errors >= 1
    error_message = "Ages are 60 seconds or more, errors 1 or more."
  }
  validation {
    condition     = var.alarms.freshness_hours >= 0 && var.alarms.freshness_hours <= 168
    error_message = "freshness_hours is 0 to 168: an alarm looks back a week at most."
  }
}

variable "telemetry" {
  description = "What functions log (DEBUG, INFO, WARN or ERROR), and whether X-Ray traces their invocations."
  type = object({
    log  = optional(string, "INFO")
    xray = optional(bool, false)
  })
  default  = {}
  nullable = false

  validation {
    condition     = contains(["DEBUG", "INFO", "WARN", "ERROR"], var.telemetry.log)
    error_message = "telemetry.log must be DEBUG, INFO, WARN or ERROR."
  }
}
