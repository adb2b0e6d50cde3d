# The buckets of the wiring.

locals {
  # What is not named is kept for good.
  bucket_retention = merge({ for b in keys(local.wiring.buckets) : b => {} }, module.exchange.retention)
}

module "bucket" {
  source   = "./modules/bucket"
  for_each = local.wiring.buckets

  name                = "${var.name}-${each.key}"
  project             = var.project
  location            = var.region
  labels              = local.labels
  encryption          = local.encryption[each.key]
  deletion_protection = var.deletion_protection
  retention           = local.bucket_retention[each.key]
  noncurrent_days     = var.retention.noncurrent
  versioned           = each.key != "subjects" # sallyport erase overwrites a key to destroy it
  lock                = each.key == "ledger" ? { days = var.ledger.lock_days, locked = var.ledger.locked } : { days = 0, locked = false }
  bindings            = local.bucket_bindings[each.key]

  depends_on = [google_project_service.this, google_service_account.function, module.key]
}

resource "google_storage_notification" "drops" {
  bucket         = module.bucket["drops"].name
  topic          = google_pubsub_topic.this["drops"].id
  payload_format = "JSON_API_V1"
  event_types    = ["OBJECT_FINALIZE"]

  depends_on = [google_pubsub_topic_iam_policy.this]
}
