# The partners that drop: a role each, which their file says who may take.

module "partner" {
  source   = "./modules/partner"
  for_each = local.droppers

  id          = each.key
  name        = var.name
  labels      = merge(local.labels, { partner = each.key })
  principals  = each.value.principals
  external_id = each.value.external_id
  via         = "s3.${var.region}.amazonaws.com"

  # With a key of its own a partner may use no other: what it does not encrypt
  # with that is refused.
  drops = {
    arn = local.bucket_arns["drops"]
    kms = local.managed || each.value.own_key
    key = each.value.own_key ? module.partner_key[each.key].arn : local.encryption["drops"].key
  }
  quarantine = {
    arn = local.bucket_arns["quarantine"]
    kms = local.encryption["quarantine"].kms
    key = local.encryption["quarantine"].key
  }
  api = {
    enabled = var.http.enabled
    arn     = var.http.enabled ? "${aws_apigatewayv2_api.this[0].execution_arn}/${aws_apigatewayv2_stage.this[0].name}" : ""
  }
}
