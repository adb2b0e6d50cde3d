output "name" {
  description = "Name of the exchange."
  value       = local.exchange.name
}

output "partners" {
  description = "Partners by id: name; keeper, the key of its own that wraps the key of its tokens (\"\": none); drops, each with its contract and the prefix of its keys below the partner's own; destinations, each with partner, subscription, url and for how many hours it is tried (-1: not understood)."
  value       = local.partners
}

output "access" {
  description = "How each partner reaches a deployment on the cloud, as its file says it."
  value       = local.access
}

output "retention" {
  description = "Days by bucket and prefix of keys; \"\" is all of them. Buckets that are not there keep their objects for good."
  value = {
    drops      = merge({ "" = var.retention.drops }, { for prefix in distinct(local.drop_rules[*].prefix) : prefix => min([for r in local.drop_rules : r.days if r.prefix == prefix]...) })
    landing    = { "" = max(15, min(var.retention.landing, local.shortest)) }
    masked     = { "" = max(15, min(var.retention.masked, local.shortest)) }
    quarantine = merge({ "" = var.retention.quarantine }, { for id, p in local.partners : "${id}/" => min(concat([var.retention.quarantine], [for d in p.drops : lookup(local.contract_days, d.contract, 36500)])...) if length(p.drops) > 0 })
    state      = { "" = var.retention.state }
  }
}

output "understood" {
  description = "Whether the retention of every contract is understood, and a day or more."
  value       = alltrue([for r in local.sla_retention : r.days >= 1])
}

output "shortest" {
  description = "The shortest retention of a contract, in days."
  value       = local.shortest
}
