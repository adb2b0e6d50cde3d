# Time is an event, too: ticks by Cloud Scheduler, as the host of functions knows
# them.

resource "google_service_account" "tick" {
  count = length(var.ticks) > 0 ? 1 : 0

  project      = var.project
  account_id   = "${var.name}-tick"
  display_name = "Ticks of ${var.name}"

  depends_on = [google_project_service.this]
}

resource "google_cloud_scheduler_job" "tick" {
  for_each = var.ticks

  project     = var.project
  region      = var.region
  name        = "${var.name}-${each.key}-tick"
  description = "Tick of ${each.key}"
  schedule    = each.value
  time_zone   = "Etc/UTC"

  http_target {
    http_method = "POST"
    uri         = "${module.function[each.key].uri}/tick"

    oidc_token {
      service_account_email = google_service_account.tick[0].email
      audience              = module.function[each.key].uri
    }
  }
}
