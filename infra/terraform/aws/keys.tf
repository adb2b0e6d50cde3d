# A key for each bucket, so that keys are doors, too; one for topics and queues,
# one for the environments of functions, one that wraps the key ring of tokens;
# and one for each partner that asked for its own.

locals {
  managed = var.customer_managed_keys.enabled

  keys = merge(
    { for b, says in local.wiring.buckets : b => says if local.managed },
    { for k, says in { queues = "Topics and queues.", functions = "Environments of functions." } : k => says if local.managed },
    { keyring = "Wraps the key ring of tokens." },
  )

  # By key: who must not decrypt, and who must not encrypt.
  key_denied = merge(
    { for b in keys(local.wiring.buckets) : b => { "kms:Decrypt" = local.denied[b].both, "kms:GenerateDataKey" = local.denied[b].create } },
    { keyring = { "kms:Decrypt" = [for name, f in local.wiring.functions : local.roles[name] if !try(f.keys, false)] } },
    { queues = {}, functions = {} },
  )

  # S3 publishes to a topic that is encrypted, SNS sends to queues that are.
  key_services = { queues = {
    for service in ["cloudwatch.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com"] : service => { actions = ["kms:Decrypt", "kms:GenerateDataKey"], account = local.account }
  } }

  # Functions that read drops decrypt those of partners with their own key.
  dropped_readers = [for name in keys(local.wiring.functions) : local.roles[name] if contains(local.reads[name], "drops")]

  root = "arn:${local.partition}:iam::${local.account}:root"

  encryption = { for k in concat(keys(local.wiring.buckets), ["queues", "functions"]) : k => { kms = local.managed, key = local.managed ? module.key[k].arn : "" } }
}

module "key" {
  source   = "./modules/key"
  for_each = local.keys

  name          = "${var.name}-${each.key}"
  description   = each.value
  labels        = local.labels
  owner         = local.root
  denied        = local.key_denied[each.key]
  services      = lookup(local.key_services, each.key, {})
  rotation_days = var.customer_managed_keys.rotation_days
  deletion_days = var.customer_managed_keys.deletion_days
}

module "partner_key" {
  source   = "./modules/key"
  for_each = local.own_keys

  name          = "${var.name}-partner-${each.key}"
  description   = "Drops of partner ${each.key}."
  labels        = merge(local.labels, { partner = each.key })
  owner         = local.root
  granted       = { actions = ["kms:Decrypt"], roles = local.dropped_readers }
  denied        = { "kms:Decrypt" = [for name in keys(local.wiring.functions) : local.roles[name] if !contains(local.reads[name], "drops")] }
  rotation_days = var.customer_managed_keys.rotation_days
  deletion_days = var.customer_managed_keys.deletion_days
}
