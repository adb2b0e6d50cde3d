# What a plan makes of an exchange folder: nobody, one, three and fifty partners,
# keys of their own, retention, names at their length limits.

mock_provider "google" {
  override_during = plan

  mock_data "google_project" {
    defaults = { number = "123456789012" }
  }
}

variables {
  name    = "sp"
  project = "exchange-1"
  region  = "europe-west3"
  ledger  = { origin = "example.com/ledger", key = "projects/exchange-1/secrets/ledger" }
  images = {
    for f in ["audit", "fanout", "ingest", "mask", "reveal"] : f => "europe-west3-docker.pkg.dev/exchange-1/sallyport/${f}@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }
}

run "nobody" {
  command = plan
  variables { exchange_dir = "../aws/tests/exchanges/zero" }

  assert {
    condition     = length(module.partner) == 0 && length(module.partner_key) == 0 && length(google_iam_workload_identity_pool.partners) == 0
    error_message = "An exchange without partners has resources of partners."
  }
  assert {
    condition     = keys(module.bucket) == ["drops", "exchange", "landing", "ledger", "masked", "quarantine", "state", "subjects"]
    error_message = "The buckets are not those of the wiring."
  }
  assert {
    condition     = !module.bucket["subjects"].versioned && module.bucket["landing"].versioned
    error_message = "Keys of data subjects that are overwritten stay as older versions, or what else is replaced does not."
  }
  assert {
    condition     = keys(module.function) == keys(local.wiring.functions) && keys(module.queue) == ["audit", "fanout", "ingest", "mask"] && keys(module.queue["audit"].names) == ["dead", "fanout", "ingest", "mask", "reveal"]
    error_message = "The functions and queues are not those of the wiring."
  }
}

run "one" {
  command = plan
  variables { exchange_dir = "tests/exchanges/one" }

  assert {
    condition     = keys(module.partner) == ["acme"] && length(google_pubsub_topic.partner) == 0
    error_message = "The partner that drops has no folder, or one that nobody asked for has a topic."
  }
  assert {
    condition     = length(google_monitoring_alert_policy.partners) == 0
    error_message = "There are alarms of topics that are not there."
  }
}

run "three" {
  command = plan
  variables { exchange_dir = "tests/exchanges/three" }

  assert {
    condition     = keys(module.partner) == ["acme", "bolt"] && keys(module.partner_key) == ["acme"]
    error_message = "Who drops has folders, who asked for a key has one, and nobody else."
  }
  assert {
    condition     = length(local.deliveries) == 4 && !contains(local.deliveries[*].subscription, "bolt-revoked") && join(",", local.deliveries[*].topic) == ",core-data/topics/rows,core-data/topics/segments,"
    error_message = "A revoked subscription must open no destination, and others the one that is written."
  }
  assert {
    condition     = strcontains(output.onboarding["bolt"].sheet, "Put files into the bucket sp-drops") && strcontains(output.onboarding["core"].sheet, "Let this identity create and read objects in your buckets, or publish to your topics: serviceAccount:sp-fanout@exchange-1")
    error_message = "An onboarding sheet does not say how to start."
  }
  assert {
    condition     = strcontains(output.onboarding["bolt"].sheet, "Let these identities decrypt with your key projects/bolt-data/locations/europe-west3/keyRings/r/cryptoKeys/tokens (roles/cloudkms.cryptoKeyDecrypter): serviceAccount:sp-mask@exchange-1.iam.gserviceaccount.com, serviceAccount:sp-reveal@") && length([for id, p in output.onboarding : id if length(p.unwraps) > 0]) == 1
    error_message = "A partner that brings the key of its tokens is not told who is to unwrap it, or another is."
  }
}

run "events" {
  command = plan
  variables {
    exchange_dir = "tests/exchanges/three"
    events       = { enabled = true }
  }

  assert {
    condition     = jsonencode({ for k, t in local.event_topics : k => t.path }) == jsonencode({ acme-0 = "partners/acme/in/events", acme-1 = "partners/acme/stock/events", bolt-0 = "partners/bolt/orders/events" })
    error_message = "What partners publish is pushed to other paths than their own."
  }
  assert {
    condition     = output.onboarding["acme"].topics["stock"] == "projects/exchange-1/topics/sp-partner-acme-1"
    error_message = "A partner is not told of its topic."
  }

  # What the alarms of partners' topics watch: all of theirs, and none of a function's.
  assert {
    condition = alltrue([for what, name in { dead = "dead", age = "on-events" } : alltrue([
      for of in concat(keys(local.event_topics), keys(local.heard)) : contains(keys(local.event_topics), of) == can(regex(
        "^${regex("full_match\\(\"(.*)\"\\)", google_monitoring_alert_policy.partners[what].conditions[0].condition_threshold[0].filter)[0]}$",
        contains(keys(local.event_topics), of) ? "${local.event_topics[of].name}-${name}" : "sp-${of}-${name}"
    ))])])
    error_message = "The alarms of partners' topics watch others, or not all."
  }
}

run "fifty" {
  command = plan
  variables { exchange_dir = "tests/exchanges/fifty" }

  assert {
    condition     = length(module.partner) == 50 && length(module.bucket["drops"].retention) == 51
    error_message = "Fifty partners have fifty folders."
  }
}

run "retention" {
  command = plan
  variables { exchange_dir = "tests/exchanges/keep" }

  assert {
    condition = jsonencode({ for b, m in module.bucket : b => m.retention if length(m.retention) > 0 }) == jsonencode({
      drops      = { "" = 90, "acme/orders/" = 20 }
      landing    = { "" = 20 }
      masked     = { "" = 20 }
      quarantine = { "" = 90, "acme/" = 20 }
      state      = { "" = 400 }
    })
    error_message = "A contract's retention of P20D does not shorten what its rows lie in, or the ledger and configurations are not kept for good."
  }
}

run "without_keys_of_ours" {
  command = plan
  variables {
    exchange_dir          = "tests/exchanges/three"
    customer_managed_keys = { enabled = false }
  }

  assert {
    condition     = keys(module.key) == ["keyring"] && keys(module.partner_key) == ["acme"]
    error_message = "Only the key ring and a partner that asked keep a key."
  }
}

run "names_at_their_limit" {
  command = plan
  variables {
    exchange_dir = "tests/exchanges/three"
    name         = "a1234567890123456789"
  }

  assert {
    condition     = alltrue([for b in module.bucket : length(b.name) <= 63]) && alltrue([for a in google_service_account.function : length(a.account_id) >= 6 && length(a.account_id) <= 30]) && alltrue([for f in module.function : length(f.name) <= 49])
    error_message = "A name is longer than Google Cloud takes."
  }
  assert {
    condition     = length(google_iam_workload_identity_pool.partners[0].workload_identity_pool_id) <= 32 && length(google_service_account.push.account_id) <= 30
    error_message = "A name is longer than Google Cloud takes."
  }
}

run "partner_at_its_limit" {
  command = plan
  module { source = "./modules/partner" }
  variables {
    id         = "a123456789012345678901234567890123456789"
    principals = []
    workload   = { pool = "p", issuer = "https://x.example", audiences = [], subjects = ["s"] }
    drops      = "d"
    quarantine = "q"
  }

  assert {
    condition     = length(google_iam_workload_identity_pool_provider.this[0].workload_identity_pool_provider_id) <= 32 && length(google_iam_workload_identity_pool_provider.this[0].display_name) <= 32
    error_message = "The name of a provider is longer than Google Cloud takes."
  }
}

run "protected" {
  command = plan
  variables { exchange_dir = "../aws/tests/exchanges/zero" }

  assert {
    condition     = module.bucket["drops"].protected && module.function["mask"].protected
    error_message = "A bucket or function can be deleted although deletion_protection is on."
  }
}

run "unprotected" {
  command = plan
  variables {
    exchange_dir        = "../aws/tests/exchanges/zero"
    deletion_protection = false
  }

  assert {
    condition     = !module.bucket["drops"].protected && !module.function["mask"].protected
    error_message = "Without deletion_protection a deployment cannot be removed."
  }
}

run "private" {
  command = plan
  variables {
    exchange_dir = "../aws/tests/exchanges/zero"
    network      = { network = "n", subnetwork = "s" }
  }

  assert {
    condition     = alltrue([for f in module.function : f.subnetwork == "s"])
    error_message = "A function does not go through the subnetwork."
  }
}

run "http_reveal" {
  command = plan
  variables {
    exchange_dir = "tests/exchanges/three"
    http         = { reveal = true }
  }

  assert {
    condition     = join(",", [for name, f in module.function : name if f.open]) == "reveal"
    error_message = "Another function than reveal answers anybody, or it does not."
  }
}

run "closed" {
  command = plan
  variables { exchange_dir = "tests/exchanges/three" }

  assert {
    condition     = length([for name, f in module.function : name if f.open]) == 0
    error_message = "A function answers anybody."
  }
}

run "ticks" {
  command = plan
  variables {
    exchange_dir = "../aws/tests/exchanges/zero"
    ticks        = { fanout = "*/5 * * * *" }
  }

  assert {
    condition     = google_cloud_scheduler_job.tick["fanout"].schedule == "*/5 * * * *" && strcontains(module.function["fanout"].policy, "serviceAccount:sp-tick@") && !strcontains(module.function["mask"].policy, "serviceAccount:sp-tick@")
    error_message = "The tick has another schedule, or may not invoke the function, or another."
  }
}

run "fresh" {
  command = plan
  variables {
    exchange_dir = "../aws/tests/exchanges/zero"
    alarms       = { freshness_hours = 6 }
  }

  assert {
    condition     = google_monitoring_alert_policy.freshness[0].conditions[0].condition_absent[0].duration == "21600s"
    error_message = "The alarm looks back for another time."
  }
  assert {
    condition     = google_monitoring_alert_policy.freshness[0].conditions[0].condition_absent[0].aggregations[0].cross_series_reducer == "REDUCE_SUM"
    error_message = "The alarm goes off when one of several topics rests."
  }
}
