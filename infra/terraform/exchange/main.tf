# The folder of an exchange, read for any cloud: who its partners are, what they
# drop and receive, and how long contracts say that rows are kept.

locals {
  exchange = yamldecode(file("${var.dir}/exchange.yaml"))

  # Partners by id. Two files with one id are an error.
  partners = { for p in [for f in fileset(var.dir, "partners/*.yaml") : yamldecode(file("${var.dir}/${f}"))] : p.id => {
    name   = try(p.name, p.id)
    keeper = try(tostring(p.keys.keeper), "")
    drops  = [for d in try(p.drops, []) : { contract = tostring(d.contract), prefix = regex("^[^*?]*", tostring(try(d.path, "${d.contract}/**"))) }]
    destinations = flatten([for s in try(p.subscriptions, []) : [for url in compact([s.destination.url, try(s.destination.bucket, "")]) : {
      partner      = p.id
      subscription = s.id
      url          = url
      hours        = try(tonumber(regex("^([0-9]+)h$", s.destination.retryFor)[0]), tonumber(regex("^([0-9]+)m$", s.destination.retryFor)[0]) / 60, tonumber(regex("^([0-9]+)s$", s.destination.retryFor)[0]) / 3600, can(s.destination.retryFor) ? -1 : 24)
    }] if !try(s.revoked, false)])
  } }

  # How each reaches a deployment: partners' files say it for each cloud.
  access = { for p in [for f in fileset(var.dir, "partners/*.yaml") : yamldecode(file("${var.dir}/${f}"))] : p.id => try(p.access[var.cloud], {}) }

  # Retention: contracts say it as ODCS does, in slaProperties.
  contracts = [for f in fileset(var.dir, "contracts/*.odcs.yaml") : yamldecode(file("${var.dir}/${f}"))]

  sla_retention = flatten([for c in local.contracts : [for s in try(c.slaProperties, []) : {
    names = compact([tostring(c.id), tostring(try(c.name, ""))])
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
    prefix = "${id}/${d.prefix}"
    days   = min(lookup(local.contract_days, d.contract, var.retention.drops), var.retention.drops)
  }]])
}
