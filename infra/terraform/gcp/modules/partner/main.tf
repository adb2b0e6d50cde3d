# One partner: it drops below its prefix, reads its own refusals, publishes to its own
# topics, and nothing else. It cannot list or read what it dropped, or delete or
# replace anything.

locals {
  # The subjects of two issuers may be the same: a partner's are known by its id.
  mapping  = "\"${var.id}::\" + assertion.sub"
  provider = length(var.id) <= 28 ? "p-${var.id}" : "p-${substr(var.id, 0, 15)}-${substr(sha1(var.id), 0, 10)}"
  members = sort(concat(var.principals,
    var.workload == null ? [] : [for s in var.workload.subjects : "principal://iam.googleapis.com/${var.workload.pool}/subject/${var.id}::${s}"],
  ))

  policies = {
    drops      = jsonencode({ bindings = [{ role = "roles/storage.objectCreator", members = local.members }] })
    quarantine = jsonencode({ bindings = [{ role = "roles/storage.objectViewer", members = local.members }] })
    events     = jsonencode({ bindings = [{ role = "roles/pubsub.publisher", members = local.members }] })
  }
}

resource "google_storage_managed_folder" "this" {
  for_each = { drops = var.drops, quarantine = var.quarantine }

  bucket        = each.value
  name          = "${var.id}/"
  force_destroy = !var.protected
}

resource "google_storage_managed_folder_iam_policy" "this" {
  for_each = google_storage_managed_folder.this

  bucket         = each.value.bucket
  managed_folder = each.value.name
  policy_data    = local.policies[each.key]
}

resource "google_pubsub_topic_iam_policy" "this" {
  for_each = var.topics

  project     = var.project
  topic       = each.value
  policy_data = local.policies.events
}

resource "google_iam_workload_identity_pool_provider" "this" {
  count = var.workload == null ? 0 : 1

  project                            = var.project
  workload_identity_pool_id          = element(split("/", var.workload.pool), -1)
  workload_identity_pool_provider_id = local.provider
  display_name                       = substr("Partner ${var.id}", 0, 32)
  attribute_mapping                  = { "google.subject" = local.mapping }
  attribute_condition                = "assertion.sub in ${jsonencode(var.workload.subjects)}"

  oidc {
    issuer_uri        = var.workload.issuer
    allowed_audiences = var.workload.audiences
  }
}
