# The exchange folder and the wiring: who there is and what is connected. All
# that is derived from them is derived here, once.

module "exchange" {
  source = "../exchange"

  dir       = var.exchange_dir
  cloud     = "aws"
  retention = var.retention
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  wiring = yamldecode(file("${path.module}/../wiring/wiring.yaml"))

  partition = data.aws_partition.this.partition
  account   = data.aws_caller_identity.this.account_id

  labels = merge({ exchange = module.exchange.name, managed-by = "terraform" }, var.labels)

  # Partners by id, with how they reach AWS.
  partners = { for id, p in module.exchange.partners : id => merge(p, {
    principals    = try([for a in module.exchange.access[id].principals : tostring(a)], [])
    external_id   = try(tostring(module.exchange.access[id].externalId), "${var.name}/${id}")
    own_key       = try(module.exchange.access[id].ownKey, false)
    delivery_keys = try([for k in module.exchange.access[id].destinationKeys : tostring(k)], [])
  }) }

  # A partner gets a role if it drops and says who may take it.
  droppers = { for id, p in local.partners : id => p if length(p.drops) > 0 && length(p.principals) > 0 }
  own_keys = { for id, p in local.droppers : id => p if p.own_key }

  # Destinations by what AWS calls them. Characters that mean something in a
  # policy are not allowed in any of them.
  deliveries = flatten([for p in values(local.partners) : [for d in p.destinations : merge(d, {
    object = try("arn:${local.partition}:s3:::${regex("^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\\?|$)", d.url)[0]}/${
      can(regex("[?&]prefix=", d.url)) ? regex("[?&]prefix=([A-Za-z0-9!_.'()/=-]*)(?:&|$)", replace(replace(d.url, "%2F", "/"), "%2f", "/"))[0] : ""
    }*", "")
    bucket = try(regex("^s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\\?|$)", d.url)[0], "")
    topic  = try(regex("^awssns:///(arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]+)(?:\\?|$)", d.url)[0], "")
    queue = try(format("arn:%s:sqs:%s:%s:%s", concat([local.partition],
    regex("^awssqs://sqs\\.([a-z0-9-]+)\\.amazonaws\\.com(?:\\.cn)?/([0-9]{12})/([A-Za-z0-9_.-]+)(?:\\?|$)", d.url))...), "")
  })]])

  own_buckets = toset([for b in keys(local.wiring.buckets) : "${var.name}-${b}"])
}
