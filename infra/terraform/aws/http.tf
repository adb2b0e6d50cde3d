# Optional: partners post events. IAM decides by the path who may post for whom,
# which a function URL could not. And callers have tokens revealed: they have no
# identity in AWS, and show the function who they are.

locals {
  has_api = var.http.enabled || var.http.reveal
}

resource "aws_apigatewayv2_api" "this" {
  count = local.has_api ? 1 : 0

  name          = var.name
  description   = "Partners' events, and what is revealed"
  protocol_type = "HTTP"
  tags          = local.labels
}

resource "aws_apigatewayv2_integration" "ingest" {
  count = var.http.enabled ? 1 : 0

  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.function["ingest"].invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "partners" {
  count = var.http.enabled ? 1 : 0

  api_id             = aws_apigatewayv2_api.this[0].id
  route_key          = "POST /partners/{partner}/{path+}"
  authorization_type = "AWS_IAM"
  target             = "integrations/${aws_apigatewayv2_integration.ingest[0].id}"
}

resource "aws_apigatewayv2_integration" "reveal" {
  count = var.http.reveal ? 1 : 0

  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = "AWS_PROXY"
  integration_uri        = module.function["reveal"].invoke_arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "reveal" {
  count = var.http.reveal ? 1 : 0

  api_id             = aws_apigatewayv2_api.this[0].id
  route_key          = "POST /v1/reveal"
  authorization_type = "NONE"
  target             = "integrations/${aws_apigatewayv2_integration.reveal[0].id}"
}

resource "aws_apigatewayv2_stage" "this" {
  count = local.has_api ? 1 : 0

  api_id      = aws_apigatewayv2_api.this[0].id
  name        = "$default"
  auto_deploy = true
  tags        = local.labels

  default_route_settings {
    throttling_rate_limit  = var.http.rate
    throttling_burst_limit = var.http.burst
  }
}

resource "aws_lambda_permission" "http" {
  count = var.http.enabled ? 1 : 0

  statement_id   = "http"
  action         = "lambda:InvokeFunction"
  function_name  = module.function["ingest"].name
  principal      = "apigateway.amazonaws.com"
  source_arn     = "${aws_apigatewayv2_api.this[0].execution_arn}/*/POST/partners/*"
  source_account = local.account
}

resource "aws_lambda_permission" "reveal" {
  count = var.http.reveal ? 1 : 0

  statement_id   = "reveal"
  action         = "lambda:InvokeFunction"
  function_name  = module.function["reveal"].name
  principal      = "apigateway.amazonaws.com"
  source_arn     = "${aws_apigatewayv2_api.this[0].execution_arn}/*/POST/v1/reveal"
  source_account = local.account
}
