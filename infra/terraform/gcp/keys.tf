# A key for each bucket; one for topics, one for what Cloud Run keeps of functions,
# one that wraps the key ring of tokens; and one for each partner that asked for its
# own. Buckets, topics and services are encrypted by the agents of Google Cloud:
# these have the keys, the functions have none but that of the ring.

locals {
  managed = var.customer_managed_keys.enabled

  keys = merge(
    { for b, says in local.wiring.buckets : b => says if local.managed },
    { for k, says in { queues = "Topics.", functions = "What Cloud Run keeps of functions." } : k => says if local.managed },
    { keyring = "Wraps the key ring of tokens." },
  )

  key_ring  = "projects/${var.project}/locations/${var.region}/keyRings/${var.name}"
  key_names = { for k in keys(local.keys) : k => "${local.key_ring}/cryptoKeys/${k}" }

  # By key: who encrypts and decrypts, who only decrypts.
  key_users = { for k in keys(local.keys) : k => k == "keyring" ? {
    both    = var.operators
    decrypt = [for name in local.has_keys : local.identities[name]]
    } : {
    both    = [lookup({ queues = local.agents.pubsub, functions = local.agents.run }, k, local.agents.storage)]
    decrypt = []
  } }

  encryption = { for k in concat(keys(local.wiring.buckets), ["queues", "functions"]) : k => { key = local.managed ? local.key_names[k] : null } }
}

# A key ring of Cloud KMS cannot be deleted: one that is there already is imported.
resource "google_kms_key_ring" "this" {
  project  = var.project
  name     = var.name
  location = var.region

  depends_on = [google_project_service.this]
}

module "key" {
  source   = "./modules/key"
  for_each = local.keys

  name          = each.key
  ring          = google_kms_key_ring.this.id
  labels        = local.labels
  users         = local.key_users[each.key]
  rotation_days = var.customer_managed_keys.rotation_days
  deletion_days = var.customer_managed_keys.deletion_days

  depends_on = [google_service_account.function, data.google_storage_project_service_account.this]
}

module "partner_key" {
  source   = "./modules/key"
  for_each = local.own_keys

  name          = "partner-${each.key}"
  ring          = google_kms_key_ring.this.id
  labels        = merge(local.labels, { partner = each.key })
  users         = { both = [local.agents.storage], decrypt = [] }
  rotation_days = var.customer_managed_keys.rotation_days
  deletion_days = var.customer_managed_keys.deletion_days

  depends_on = [data.google_storage_project_service_account.this]
}
