# The two doors. The table says which function has which right on which bucket;
# it is that of wiring.yaml. The policies of buckets, topics and keys are made from
# it and from nothing else, and they are whole: a right that somebody adds to a
# bucket by hand is gone with the next apply. What is granted on the project is not
# theirs to take away: keep the project to the exchange.
#
#   function   reads                     creates in
#   ingest     drops landing             landing quarantine
#              quarantine exchange
#   mask       landing masked exchange   masked subjects
#              subjects
#   fanout     masked state exchange     state, and partners' destinations
#   audit      ledger                    ledger
#   reveal     exchange subjects         nothing: it has the key ring, and answers
#
# There is no right to delete, and so none to replace: on Google Cloud that is one.

locals {
  # Every right of every function: "fanout masked read" and so on.
  doors = merge([for name, f in local.wiring.functions : merge([for bucket, rights in f.buckets : {
    for right in rights : "${name} ${bucket} ${right}" => { function = name, bucket = bucket, right = right }
  }]...)]...)

  # What a right is.
  roles = {
    read   = "roles/storage.objectViewer"
    create = "roles/storage.objectCreator"
  }

  # Members are made of names, so that a plan shows whole policies.
  identities = { for name in concat(keys(local.wiring.functions), ["push", "tick"]) : name => "serviceAccount:${var.name}-${name}@${var.project}.iam.gserviceaccount.com" }

  holders = { for b in keys(local.wiring.buckets) : b => { for right in keys(local.roles) : right => sort([for d in local.doors : d.function if d.bucket == b && d.right == right]) } }

  keyring    = "keyring.json" # in the bucket exchange, its keys wrapped
  has_keys   = [for name, f in local.wiring.functions : name if try(f.keys, false)]
  operates   = ["exchange", "ledger"]
  object     = { for b in keys(local.wiring.buckets) : b => "projects/_/buckets/${var.name}-${b}/objects/" }
  no_keyring = { title = "no-keyring", expression = "!resource.name.startsWith(\"${local.object["exchange"]}${local.keyring}\")" }
  no_copy    = { title = "no-copy", expression = "resource.name != \"${local.object["ledger"]}checkpoint\"" } # it could not be replaced: see shared/ledger

  bucket_bindings = { for b, by in local.holders : b => [for binding in [
    {
      role      = local.roles.read
      members   = sort(concat([for name in by.read : local.identities[name] if b != "exchange" || contains(local.has_keys, name)], contains(local.operates, b) ? var.operators : []))
      condition = null
    },
    {
      role      = local.roles.read
      members   = [for name in by.read : local.identities[name] if b == "exchange" && !contains(local.has_keys, name)]
      condition = local.no_keyring
    },
    {
      role      = local.roles.create
      members   = sort(concat([for name in by.create : local.identities[name]], b == "exchange" ? var.operators : []))
      condition = b == "ledger" ? local.no_copy : null
    },
  ] : { for k, v in binding : k => v if v != null } if length(binding.members) > 0] }

  # Who publishes to which topic.
  publishers = { for t in local.topics : t => sort(concat(
    t == "drops" ? [local.agents.storage] : [],
    t == "dead" ? [for name in keys(local.heard) : local.identities[name]] : [],
    contains(keys(local.wiring.functions), t) ? [local.identities[t]] : [],
  )) }

  reaches = [for name, f in local.wiring.functions : name if try(f.partners, false)]
}
