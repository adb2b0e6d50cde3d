output "buckets" {
  description = "Names of the buckets."
  value       = { for b, m in module.bucket : b => m.name }
}

output "topics" {
  description = "Names of the topics."
  value       = { for t in local.topics : t => "projects/${var.project}/topics/${var.name}-${t}" }
}

output "functions" {
  description = "URLs of the functions."
  value       = { for name, m in module.function : name => m.uri }
}

output "keyring_url" {
  description = "URL of the key ring, as mask has it."
  value       = local.key_urls
}

output "doors" {
  description = "The table of the two doors, and the policies made from it, as JSON: who has which role on a bucket, a topic, a function, a key and a partner's folders."
  value = {
    table     = local.doors
    buckets   = { for b, m in module.bucket : b => m.policy }
    topics    = { for t, p in google_pubsub_topic_iam_policy.this : t => p.policy_data }
    functions = { for name, m in module.function : name => m.policy }
    partners  = { for id, m in module.partner : id => m.policies }
    keys      = { for k, m in module.key : k => m.policy }
  }
}

output "onboarding" {
  description = "For each partner what it needs to start: terraform output -json onboarding | jq -r .<partner>.sheet"
  value = { for id, p in local.partners : id => {
    bucket    = length(p.drops) > 0 ? "${var.name}-drops" : ""
    prefixes  = [for d in p.drops : "${id}/${d.prefix}"]
    members   = contains(keys(local.droppers), id) ? module.partner[id].members : []
    provider  = contains(keys(local.federated), id) ? module.partner[id].provider : ""
    key       = contains(keys(local.own_keys), id) ? "${local.key_ring}/cryptoKeys/partner-${id}" : ""
    refusals  = length(p.drops) > 0 ? "gs://${var.name}-quarantine/${id}/" : ""
    topics    = { for k, t in local.event_topics : t.contract => "projects/${var.project}/topics/${t.name}" if t.partner == id }
    unwraps   = contains(keys(local.keepers), id) ? [for name in local.has_keys : local.identities[name]] : []
    delivered = length(p.destinations) > 0 ? [for name in local.reaches : local.identities[name]] : []
    sheet = join("\n", concat(
      ["Exchange ${module.exchange.name}: how ${p.name} takes part", "", "Region: ${var.region}"],
      length(p.drops) == 0 ? [] : [
        "Put files into the bucket ${var.name}-drops, below:",
        join("\n", [for d in p.drops : "  ${id}/${d.prefix}   (${d.contract})"]),
        "A file that lies there is never replaced: give each a name of its own.",
        "What was refused, and why, lies in gs://${var.name}-quarantine/${id}/",
      ],
      !contains(keys(local.droppers), id) ? [] : concat(["You are:"], [for m in module.partner[id].members : "  ${m}"]),
      !contains(keys(local.federated), id) ? [] : ["Exchange tokens of ${p.issuer} for credentials (Workload Identity Federation) at the provider", "  //iam.googleapis.com/${module.partner[id].provider}"],
      !contains(keys(local.own_keys), id) ? [] : ["Encrypt each file with your key: gcloud storage cp --encryption-key=${local.key_ring}/cryptoKeys/partner-${id}"],
      [for k, t in local.event_topics : "Publish events (CloudEvents in structured mode) of ${t.contract} to projects/${var.project}/topics/${t.name}" if t.partner == id],
      !contains(keys(local.keepers), id) ? [] : concat(
        ["Let these identities decrypt with your key ${local.keepers[id]} (roles/cloudkms.cryptoKeyDecrypter): ${join(", ", [for name in local.has_keys : local.identities[name]])}"],
        length(var.operators) == 0 ? [] : ["and who makes the key of your tokens encrypt as well (roles/cloudkms.cryptoKeyEncrypterDecrypter): ${join(", ", var.operators)}"],
      ),
      length(p.destinations) == 0 ? [] : concat(
        ["Let this identity create and read objects in your buckets, or publish to your topics: ${join(", ", [for name in local.reaches : local.identities[name]])}"],
        [for d in p.destinations : "  ${d.subscription}: ${d.url}"],
      ),
    ))
  } }

  # What a plan must not let pass.
  precondition {
    condition     = alltrue([for d in local.deliveries : d.bucket != "" || d.topic != ""])
    error_message = "Nothing on Google Cloud opens the destinations of: ${join(", ", [for d in local.deliveries : d.subscription if d.bucket == "" && d.topic == ""])}. Write gs://bucket?prefix=... or gcppubsub://projects/<project>/topics/<topic>."
  }
  precondition {
    condition     = alltrue([for d in local.deliveries : !contains(local.own_buckets, d.bucket) && !contains([for t in local.topics : "${var.project}/topics/${var.name}-${t}"], d.topic)])
    error_message = "A destination is a bucket or topic of the exchange itself."
  }
  precondition {
    condition     = alltrue([for k in values(local.keepers) : k != ""])
    error_message = "Nothing on Google Cloud opens keys.keeper of: ${join(", ", [for id, k in local.keepers : id if k == ""])}. Write gcpkms://projects/<project>/locations/<location>/keyRings/<ring>/cryptoKeys/<key>."
  }
  precondition {
    condition     = module.exchange.understood
    error_message = "A contract's retention is not understood, or less than a day: write value and unit (d, w, mo, q, y), or a duration such as P90D."
  }
  precondition {
    condition     = module.exchange.shortest >= 15
    error_message = "A contract's retention is less than 15 days: landing and masked must be kept for that long, because a message may be 14 days old when it is handled."
  }
  precondition {
    condition     = alltrue([for d in local.deliveries : d.hours >= 0])
    error_message = "retryFor of a destination is not understood here: write hours, minutes or seconds alone, such as 24h."
  }
  precondition {
    condition     = alltrue(flatten([for d in local.deliveries : [for name in local.reaches : d.hours * 3600 <= module.queue[name].seconds]]))
    error_message = "retryFor of a destination is longer than messages are tried: they would be given up before delivery.failed is told. Set receives of the function to 0, and retryFor to two weeks or less."
  }
  precondition {
    condition     = alltrue([for r in values(module.exchange.retention) : length(r) <= 1000])
    error_message = "The lifecycle of a bucket names at most 1000 prefixes, and the partners' drops need more."
  }
}
