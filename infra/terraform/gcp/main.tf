# The exchange folder and the wiring: who there is and what is connected. All
# that is derived from them is derived here, once.

module "exchange" {
  source = "../exchange"

  dir       = var.exchange_dir
  cloud     = "gcp"
  retention = var.retention
}

data "google_project" "this" {
  project_id = var.project
}

locals {
  wiring = yamldecode(file("${path.module}/../wiring/wiring.yaml"))

  number = data.google_project.this.number

  labels = merge({ exchange = replace(lower(module.exchange.name), "/[^a-z0-9_-]/", "_"), managed-by = "terraform" }, var.labels)

  # Partners by id, with how they reach Google Cloud.
  partners = { for id, p in module.exchange.partners : id => merge(p, {
    principals = try([for m in module.exchange.access[id].principals : tostring(m)], [])
    issuer     = try(tostring(module.exchange.access[id].issuer), "")
    audiences  = try([for a in module.exchange.access[id].audiences : tostring(a)], [])
    subjects   = try([for s in module.exchange.access[id].subjects : tostring(s)], [])
    own_key    = try(module.exchange.access[id].ownKey, false)
  }) }

  # A partner has rights if it drops and says who it is.
  droppers  = { for id, p in local.partners : id => p if length(p.drops) > 0 && (length(p.principals) > 0 || p.issuer != "") }
  federated = { for id, p in local.droppers : id => p if p.issuer != "" }
  own_keys  = { for id, p in local.droppers : id => p if p.own_key }

  # Where partners' events come in: a topic for each drop rule.
  event_topics = merge([for id, p in local.droppers : { for i, d in p.drops : "${id}-${i}" => {
    partner  = id
    contract = d.contract
    path     = join("/", compact(["partners", id, trimsuffix(d.prefix, "/"), "events"]))
    name     = "${var.name}-partner-${id}-${i}"
  } } if var.events.enabled]...)

  # Destinations by what Google Cloud calls them.
  deliveries = flatten([for p in values(local.partners) : [for d in p.destinations : merge(d, {
    bucket = try(regex("^gs://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\\?|$)", d.url)[0], "")
    topic  = try(join("/topics/", regex("^gcppubsub://projects/([a-z0-9.:-]+)/topics/([A-Za-z][A-Za-z0-9._~%+-]{2,254})$", d.url)), "")
  })]])

  # Partners that bring the key of their tokens, as the functions open it.
  keepers = { for id, p in local.partners : id => try(regex("^gcpkms://(projects/[a-z0-9.:-]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]+/cryptoKeys/[A-Za-z0-9_-]+)$", p.keeper)[0], "") if p.keeper != "" }

  own_buckets = toset([for b in keys(local.wiring.buckets) : "${var.name}-${b}"])
}
