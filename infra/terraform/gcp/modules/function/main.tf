# A service of Cloud Run with an identity of its own. Cloud Run verifies who asks
# before the function hears of it, but for one that says itself who may.

resource "google_cloud_run_v2_service" "this" {
  project              = var.project
  location             = var.region
  name                 = var.name
  description          = var.description
  labels               = var.labels
  deletion_protection  = var.deletion_protection
  ingress              = var.open ? "INGRESS_TRAFFIC_ALL" : "INGRESS_TRAFFIC_INTERNAL_ONLY" # Pub/Sub and Cloud Scheduler of the project are inside
  invoker_iam_disabled = var.open

  template {
    service_account                  = var.identity
    timeout                          = "${var.size.timeout}s"
    max_instance_request_concurrency = var.size.concurrency
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    encryption_key                   = var.encryption.key
    labels                           = var.labels

    scaling {
      min_instance_count = var.size.minimum
      max_instance_count = var.size.instances
    }

    containers {
      image = var.image

      resources {
        limits            = { cpu = tostring(var.size.processors), memory = "${var.size.memory}Mi" }
        cpu_idle          = true # paid for while there are requests
        startup_cpu_boost = true
      }

      dynamic "env" {
        for_each = var.environment

        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = var.secrets

        content {
          name = env.key

          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }

      startup_probe {
        period_seconds    = 1
        failure_threshold = 30

        http_get {
          path = "/readyz"
        }
      }

      liveness_probe {
        http_get {
          path = "/healthz"
        }
      }
    }

    dynamic "vpc_access" {
      for_each = var.network.network == "" ? [] : [var.network]

      content {
        egress = "ALL_TRAFFIC"

        network_interfaces {
          network    = vpc_access.value.network
          subnetwork = vpc_access.value.subnetwork
        }
      }
    }
  }
}

resource "google_cloud_run_v2_service_iam_policy" "this" {
  project     = var.project
  location    = var.region
  name        = google_cloud_run_v2_service.this.name
  policy_data = jsonencode({ bindings = [for b in [{ role = "roles/run.invoker", members = var.invokers }] : b if length(b.members) > 0] })
}
