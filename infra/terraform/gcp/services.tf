# The services of Google Cloud that are used.

resource "google_project_service" "this" {
  for_each = toset([
    "cloudkms", "cloudscheduler", "iam", "iamcredentials", "monitoring", "pubsub", "run", "secretmanager", "storage", "sts",
  ])

  project            = var.project
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

# Who looks for this agent brings it into being.
data "google_storage_project_service_account" "this" {
  project = var.project

  depends_on = [google_project_service.this]
}

# What Google Cloud does on behalf of the project it does as these.
locals {
  agents = {
    storage = "serviceAccount:service-${local.number}@gs-project-accounts.iam.gserviceaccount.com"
    pubsub  = "serviceAccount:service-${local.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
    run     = "serviceAccount:service-${local.number}@serverless-robot-prod.iam.gserviceaccount.com"
  }
}
