# The two doors: what each identity can do, and above all what it can not. The
# policies are held to those under golden, as JSON.

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
  exchange_dir = "tests/exchanges/three"
  operators    = ["group:platform@example.com"]
  events       = { enabled = true }
}

run "doors" {
  command = plan

  # What is new stands in the message: look at it, and if it is meant put it there.
  assert {
    condition = jsonencode({ for of, policies in output.doors : of => { for id, policy in policies : id => try(jsondecode(policy), { for what, p in policy : what => jsondecode(p) }) } if of != "table" }) == jsonencode(
    jsondecode(file("tests/golden/policies.json")))
    error_message = "The policies are not those in tests/golden/policies.json but ${jsonencode({ for of, policies in output.doors : of => { for id, policy in policies : id => try(jsondecode(policy), { for what, p in policy : what => jsondecode(p) }) } if of != "table" })}"
  }

  # Fanout has no right on raw rows, and nobody but it one on what leaves.
  assert {
    condition     = alltrue([for b in ["drops", "landing", "quarantine"] : !strcontains(output.doors.buckets[b], "serviceAccount:sp-fanout@")])
    error_message = "fanout reaches raw rows."
  }

  # Who takes in and who masks have no right beyond the exchange: all members of
  # policies elsewhere are partners, and no policy names a bucket that is not ours.
  assert {
    condition     = alltrue(flatten([for p in values(output.doors.partners) : [for policy in values(p) : [for b in jsondecode(policy).bindings : [for m in b.members : !strcontains(m, "@exchange-1.iam.gserviceaccount.com")]]]]))
    error_message = "A function has a right on a partner's folder."
  }
  assert {
    condition     = join(",", local.reaches) == "fanout" && join(",", output.onboarding["core"].delivered) == "serviceAccount:sp-fanout@exchange-1.iam.gserviceaccount.com"
    error_message = "Another function than fanout is to reach partners."
  }

  # Nobody deletes, replaces or administers.
  assert {
    condition     = alltrue(flatten([for policy in values(output.doors.buckets) : [for b in jsondecode(policy).bindings : contains(["roles/storage.objectViewer", "roles/storage.objectCreator"], b.role)]]))
    error_message = "Somebody has another role on a bucket than to read or to create."
  }
  assert {
    condition     = !strcontains(join("", flatten([for of, policies in output.doors : [for p in values(policies) : jsonencode(p)]])), "allUsers") && !strcontains(join("", flatten([for of, policies in output.doors : [for p in values(policies) : jsonencode(p)]])), "allAuthenticatedUsers")
    error_message = "Anybody has a right."
  }

  # What has the keys of tokens is mask, which makes them, and reveal.
  assert {
    condition     = jsondecode(output.doors.keys["keyring"]).bindings[1] == { role = "roles/cloudkms.cryptoKeyDecrypter", members = ["serviceAccount:sp-mask@exchange-1.iam.gserviceaccount.com", "serviceAccount:sp-reveal@exchange-1.iam.gserviceaccount.com"] }
    error_message = "Another function than mask and reveal has the keys of tokens."
  }
  assert {
    condition     = alltrue([for b in jsondecode(output.doors.buckets["exchange"]).bindings : length(setintersection(b.members, [for f in ["ingest", "fanout", "audit"] : local.identities[f]])) == 0 || strcontains(try(b.condition.expression, ""), "!resource.name.startsWith(\"projects/_/buckets/sp-exchange/objects/keyring.json\")")])
    error_message = "A function without the keys of tokens may read the key ring."
  }

  # Who gives values back has no rows and creates nothing.
  assert {
    condition     = alltrue([for b, policy in output.doors.buckets : contains(["exchange", "subjects"], b) || !strcontains(policy, "serviceAccount:sp-reveal@")])
    error_message = "reveal reaches rows."
  }

  # A partner creates in its folder of drops, and reads its folder of quarantine.
  assert {
    condition = alltrue([for id, p in output.doors.partners :
      join(",", jsondecode(p.drops).bindings[*].role) == "roles/storage.objectCreator" &&
      join(",", jsondecode(p.quarantine).bindings[*].role) == "roles/storage.objectViewer" &&
      alltrue([for f in module.partner[id].folders : f == "${id}/"])
    ])
    error_message = "A partner has more than it needs."
  }

  # Two partners' subjects are never the same member.
  assert {
    condition     = contains(module.partner["bolt"].members, "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/sp-partners/subject/bolt::repo:bolt/export:ref:refs/heads/main") && module.partner["bolt"].condition == "assertion.sub in [\"repo:bolt/export:ref:refs/heads/main\"]"
    error_message = "A partner's workloads are known by a subject that another issuer may use."
  }

  # Only who pushes invokes.
  assert {
    condition     = alltrue([for name, policy in output.doors.functions : join(",", flatten([for b in jsondecode(policy).bindings : b.members])) == (name == "reveal" ? "" : "serviceAccount:sp-push@exchange-1.iam.gserviceaccount.com")])
    error_message = "Somebody else than what pushes may invoke a function."
  }

  # The table itself is the wiring's.
  assert {
    condition     = length(setsubtract(keys(output.doors.table), flatten([for f, says in yamldecode(file("../wiring/wiring.yaml")).functions : [for b, rights in says.buckets : [for r in rights : "${f} ${b} ${r}"]]]))) == 0
    error_message = "The table of doors has a right that wiring.yaml has not."
  }
}

run "environments" {
  command = plan

  assert {
    condition     = jsonencode({ for name, f in module.function : name => f.environment }) == jsonencode(jsondecode(file("tests/golden/environment.json")))
    error_message = "The environment variables are not those in tests/golden/environment.json, which a Go test holds to the code, but ${jsonencode({ for name, f in module.function : name => f.environment })}"
  }
}

run "locked" {
  command = plan

  assert {
    condition     = module.bucket["ledger"].lock.days == 365 && module.bucket["landing"].lock.days == 0
    error_message = "The ledger's objects are not locked, or others are."
  }
}

run "locked_for_good" {
  command = plan
  variables { ledger = { origin = "example.com/ledger", key = "projects/exchange-1/secrets/ledger", locked = true, lock_days = 30 } }

  assert {
    condition     = module.bucket["ledger"].lock == { days = 30, locked = true }
    error_message = "The lock of the ledger is not locked."
  }
}
