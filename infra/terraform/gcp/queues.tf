# The topics of the wiring and those of functions that publish, and a queue for each
# topic that a function hears: a subscription that pushes. Order matters to none of
# them, so that none has ordering keys.

locals {
  topics = sort(concat(keys(local.wiring.topics), [for name, f in local.wiring.functions : name if try(f.publishes, false)]))
  heard  = { for name, f in local.wiring.functions : name => f if length(f.hears) > 0 }
}

resource "google_pubsub_topic" "this" {
  for_each = toset(local.topics)

  project      = var.project
  name         = "${var.name}-${each.key}"
  kms_key_name = local.encryption["queues"].key
  labels       = local.labels

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.this, module.key]
}

resource "google_pubsub_topic_iam_policy" "this" {
  for_each = google_pubsub_topic.this

  project     = var.project
  topic       = each.value.name
  policy_data = jsonencode({ bindings = [{ role = "roles/pubsub.publisher", members = local.publishers[each.key] }] })

  depends_on = [google_service_account.function, data.google_storage_project_service_account.this]
}

module "queue" {
  source   = "./modules/queue"
  for_each = local.heard

  name       = "${var.name}-${each.key}"
  project    = var.project
  region     = var.region
  labels     = local.labels
  topics     = { for t in each.value.hears : t => { id = google_pubsub_topic.this[t].id, path = "" } }
  endpoint   = module.function[each.key].uri
  identity   = google_service_account.push.email
  agent      = local.agents.pubsub
  timeout    = local.sizes[each.key].timeout
  receives   = local.sizes[each.key].receives
  encryption = local.encryption["queues"]

  depends_on = [module.key]
}

# Partners' own topics. What is pushed from one says by its path whose it is.

resource "google_pubsub_topic" "partner" {
  for_each = local.event_topics

  project      = var.project
  name         = each.value.name
  kms_key_name = local.encryption["queues"].key
  labels       = merge(local.labels, { partner = each.value.partner })

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.this, module.key]
}

module "partner_queue" {
  source   = "./modules/queue"
  for_each = local.event_topics

  name       = each.value.name
  project    = var.project
  region     = var.region
  labels     = merge(local.labels, { partner = each.value.partner })
  topics     = { events = { id = google_pubsub_topic.partner[each.key].id, path = "/${each.value.path}" } }
  endpoint   = module.function["ingest"].uri
  identity   = google_service_account.push.email
  agent      = local.agents.pubsub
  timeout    = local.sizes["ingest"].timeout
  receives   = local.sizes["ingest"].receives
  encryption = local.encryption["queues"]

  depends_on = [module.key]
}

# What pushes, and so what may invoke: Pub/Sub shows its token.

resource "google_service_account" "push" {
  project      = var.project
  account_id   = "${var.name}-push"
  display_name = "Pushes messages of ${var.name} to its functions"

  depends_on = [google_project_service.this]
}

resource "google_service_account_iam_policy" "push" {
  service_account_id = google_service_account.push.name
  policy_data        = jsonencode({ bindings = [{ role = "roles/iam.serviceAccountTokenCreator", members = [local.agents.pubsub] }] })
}
