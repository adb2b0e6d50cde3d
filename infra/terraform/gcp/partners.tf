# The partners that drop: each has a folder of its own in two buckets, and rights on
# these alone. Who it is, its file says: members of IAM, or workloads elsewhere, by
# the OpenID Connect tokens of their issuer.

resource "google_iam_workload_identity_pool" "partners" {
  count = length(local.federated) > 0 ? 1 : 0

  project                   = var.project
  workload_identity_pool_id = "${var.name}-partners"
  display_name              = "Partners of ${var.name}"

  depends_on = [google_project_service.this]
}

module "partner" {
  source   = "./modules/partner"
  for_each = local.droppers

  id         = each.key
  project    = var.project
  principals = each.value.principals
  drops      = module.bucket["drops"].name
  quarantine = module.bucket["quarantine"].name
  topics     = { for k, t in local.event_topics : k => google_pubsub_topic.partner[k].name if t.partner == each.key }
  protected  = var.deletion_protection

  workload = each.value.issuer == "" ? null : {
    pool      = "projects/${local.number}/locations/global/workloadIdentityPools/${google_iam_workload_identity_pool.partners[0].workload_identity_pool_id}"
    issuer    = each.value.issuer
    audiences = each.value.audiences
    subjects  = each.value.subjects
  }
}
