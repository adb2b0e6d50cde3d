# The exchange folder and the wiring: who there is and what is connected. All
# that is derived from them is derived here, once.

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  wiring = yamldecode(file("${path.module}/../wiring/wiring.yaml"))

  partition = data.aws_partition.this.partition
  account   = data.aws_caller_identity.this.account_id

  labels = merge({ exchange = local.exchange.name, managed-by = "terraform" }, var.labels)

  exchange = yamldecode(file("${var.exchange_dir}/exchange.yaml"))

  # Partners by id. Two files with one id are an error.
  partners = { for p in [for f in fileset(var.exchange_dir, "partners/*.yaml") : yamldecode(file("${var.exchange_dir}/${f}"))] : p.id => {
    name          = try(p.name, p.id)
    principals    = try([for a in p.access.aws.principals : tostring(a)], [])
    external_id   = try(tostring(p.access.aws.externalId), "${var.name}/${p.id}")
    own_key       = try(p.access.aws.ownKey, false)
    delivery_keys = try([for k in p.access.aws.destinationKeys : tostring(k)], [])
    drops         = [for d in try(p.drops, []) : { contract = tostring(d.contract), path = tostring(try(d.path, "${d.contract}/**")) }]
    destinations = flatten([for s in try(p.subscriptions, []) : [for url in compact([s.destination.url, try(s.destination.bucket, "")]) : {
      subscription = s.id
      url          = url
      hours        = try(s.destination.retryFor, "24h")
    }] if !try(s.revoked, false)])
  } }

  # A partner gets a role if it drops and says who may take it.
  droppers = { for id, p in local.partners : id => p if length(p.drops) > 0 && length(p.principals) > 0 }
  own_keys = { for id, p in local.droppers : id => p if p.own_key }

  # Retention: contracts say it as ODCS does, in slaProperties.
  contracts = [for f in fileset(var.exchange_dir, "contracts/*.odcs.yaml") : yamldecode(file("${var.exchange_dir}/${f}"))]

  sla_retention = flatten([for c in local.contracts : [for s in try(c.slaProperties, []) : {
    names = compact([tostring(c.id), tostring(try(c.name, ""))])
    value = try(tostring(s.value), "")
    unit  = lower(try(s.unit, ""))
    days = try(
      floor(tonumber(s.value) * local.days_of[lower(s.unit)]),
      floor(sum([for part in regexall("([0-9]+)([YMWD])", regex("^P([0-9YMWD]+)(?:T[0-9HMS]+)?$", s.value)[0]) : tonumber(part[0]) * local.days_of_iso[part[1]]])),
      -1,
    )
  } if contains(["retention", "re"], lower(try(s.property, "")))]])

  days_of = merge(
    { for u in ["d", "day", "days"] : u => 1 },
    { for u in ["w", "wk", "week", "weeks"] : u => 7 },
    { for u in ["mo", "mon", "month", "months"] : u => 30 },
    { for u in ["q", "quarter", "quarters"] : u => 91 },
    { for u in ["y", "yr", "yrs", "year", "years"] : u => 365 },
  )
  days_of_iso = { Y = 365, M = 30, W = 7, D = 1 }

  # Days by the id or name of a contract: of its versions the shortest.
  contract_days = { for name in distinct(flatten([for r in local.sla_retention : r.names])) :
    name => min([for r in local.sla_retention : r.days if contains(r.names, name)]...)
  }
  # Landing and masked hold rows of all contracts below keys that do not say which.
  shortest = min(concat([36500], values(local.contract_days))...)

  # What a drop rule covers, as the prefix of keys: its path up to the first wildcard.
  drop_rules = flatten([for id, p in local.partners : [for d in p.drops : {
    prefix = "${id}/${regex("^[^*?]*", d.path)}"
    days   = min(lookup(local.contract_days, d.contract, var.retention.drops), var.retention.drops)
  }]])
  drop_retention = { for prefix in distinct(local.drop_rules[*].prefix) : prefix => min([for r in local.drop_rules : r.days if r.prefix == prefix]...) }

  # Refused rows lie below the partner that dropped them.
  quarantine_retention = { for id, p in local.partners : "${id}/" => min(concat([var.retention.quarantine], [for d in p.drops : lookup(local.contract_days, d.contract, 36500)])...) if length(p.drops) > 0 }

  # Destinations by what AWS calls them. Characters that mean something in a
  # policy are not allowed in any of them.
  deliveries = flatten([for id, p in local.partners : [for d in p.destinations : {
    partner      = id
    subscription = d.subscription
    object = try("arn:${local.partition}:s3:::${regex("^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\\?|$)", d.url)[0]}/${
      can(regex("[?&]prefix=", d.url)) ? regex("[?&]prefix=([A-Za-z0-9!_.'()/=-]*)(?:&|$)", replace(replace(d.url, "%2F", "/"), "%2f", "/"))[0] : ""
    }*", "")
    bucket = try(regex("^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\\?|$)", d.url)[0], "")
    topic  = try(regex("^awssns:///(arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+)(?:\\?|$)", d.url)[0], "")
    queue = try(format("arn:%s:sqs:%s:%s:%s", concat([local.partition],
    regex("^awssqs://sqs\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([0-9]{12})/([A-Za-z0-9_.-]+)(?:\\?|$)", d.url))...), "")
    hours = try(tonumber(regex("^([0-9]+)h$", d.hours)[0]), tonumber(regex("^([0-9]+)m$", d.hours)[0]) / 60, tonumber(regex("^([0-9]+)s$", d.hours)[0]) / 3600, -1)
  }]])

  own_buckets = toset([for b in keys(local.wiring.buckets) : "${var.name}-${b}"])
}
