output "buckets" {
  description = "Names of the buckets."
  value       = { for b, m in module.bucket : b => m.name }
}

output "topics" {
  description = "ARNs of the topics."
  value       = local.topic_arns
}

output "functions" {
  description = "Names of the functions."
  value       = { for name, m in module.function : name => m.name }
}

output "keyring_url" {
  description = "URL of the key ring, as mask has it."
  value       = local.key_urls
}

output "doors" {
  description = "The table of the two doors, and for every identity the policies made from it, as JSON. What reaches partners has those of outer as well."
  value = {
    table     = local.doors
    functions = { for name, m in module.function : name => m.policy }
    outer     = { for i, p in aws_iam_policy.outer : i => p.policy }
    partners  = { for id, m in module.partner : id => m.policy }
    buckets   = { for b, m in module.bucket : b => m.policy }
    keys      = { for k, m in module.key : k => m.policy }
  }
}

output "onboarding" {
  description = "For each partner what it needs to start: terraform output -json onboarding | jq -r .<partner>.sheet"
  value = { for id, p in local.partners : id => {
    bucket      = length(p.drops) > 0 ? "${var.name}-drops" : ""
    prefixes    = [for d in p.drops : "${id}/${d.prefix}"]
    role        = contains(keys(local.droppers), id) ? "arn:${local.partition}:iam::${local.account}:role/${module.partner[id].role}" : ""
    external_id = contains(keys(local.droppers), id) ? p.external_id : ""
    key         = contains(keys(local.own_keys), id) ? module.partner_key[id].arn : ""
    refusals    = length(p.drops) > 0 ? "s3://${var.name}-quarantine/${id}/" : ""
    events      = var.http.enabled && contains(keys(local.droppers), id) ? "${aws_apigatewayv2_api.this[0].api_endpoint}/partners/${id}/" : ""
    delivered   = length(p.destinations) > 0 ? [for name in local.reaches : local.roles[name]] : []
    sheet = join("\n", concat(
      ["Exchange ${module.exchange.name}: how ${p.name} takes part", "", "Region: ${var.region}"],
      length(p.drops) == 0 ? [] : [
        "Put files into the bucket ${var.name}-drops, below:",
        join("\n", [for d in p.drops : "  ${id}/${d.prefix}   (${d.contract})"]),
        "What was refused, and why, lies in s3://${var.name}-quarantine/${id}/",
      ],
      !contains(keys(local.droppers), id) ? [] : [
        "Take the role arn:${local.partition}:iam::${local.account}:role/${module.partner[id].role} with the external id ${p.external_id}",
      ],
      !contains(keys(local.own_keys), id) ? [] : ["Encrypt each file with your key (SSE-KMS): ${module.partner_key[id].arn}"],
      !(var.http.enabled && contains(keys(local.droppers), id)) ? [] : ["Post events (CloudEvents, signed with SigV4) to ${aws_apigatewayv2_api.this[0].api_endpoint}/partners/${id}/<path>"],
      length(p.destinations) == 0 ? [] : concat(
        ["Let this role write to your destinations: ${join(", ", [for name in local.reaches : local.roles[name]])}"],
        [for d in p.destinations : "  ${d.subscription}: ${d.url}"],
      ),
    ))
  } }

  # What a plan must not let pass.
  precondition {
    condition     = alltrue([for d in local.deliveries : d.object != "" || d.topic != "" || d.queue != ""])
    error_message = "Nothing on AWS opens the destinations of: ${join(", ", [for d in local.deliveries : d.subscription if d.object == "" && d.topic == "" && d.queue == ""])}. Write s3://bucket?region=..., awssns:///<ARN> or awssqs://sqs.<region>.amazonaws.com/<account>/<queue>."
  }
  precondition {
    condition     = alltrue([for d in local.deliveries : !contains(local.own_buckets, d.bucket) && !contains(values(local.topic_arns), d.topic) && !contains(values(local.queue_arns), d.queue)])
    error_message = "A destination is a bucket, topic or queue of the exchange itself."
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
    error_message = "retryFor of a destination is longer than its queue tries: the message would be given up before delivery.failed is told. Raise receives or timeout of the function."
  }
  precondition {
    condition     = alltrue(flatten([for p in values(local.partners) : [for k in p.delivery_keys : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$", k))]]))
    error_message = "access.aws.destinationKeys of a partner must be ARNs of KMS keys."
  }
  precondition {
    condition     = alltrue([for r in values(module.exchange.retention) : length(r) <= 990])
    error_message = "A bucket has at most 1000 rules of retention, and the partners' drops need more."
  }
}
