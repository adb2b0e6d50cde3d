# Optional: the functions in a VPC of yours, with endpoints for what they use.
# Lambda itself reads the queues and writes the logs, from outside of the VPC.

locals {
  private   = var.network.vpc_id != ""
  endpoints = toset([for s in ["kms", "secretsmanager", "sns"] : s if var.network.endpoints])
}

resource "aws_security_group" "functions" {
  count = local.private ? 1 : 0

  name        = "${var.name}-functions"
  description = "Functions of the exchange: out by TLS, nothing in"
  vpc_id      = var.network.vpc_id
  tags        = local.labels
}

resource "aws_vpc_security_group_egress_rule" "tls" {
  count = local.private ? 1 : 0

  security_group_id = aws_security_group.functions[0].id
  description       = "TLS"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.labels
}

resource "aws_security_group" "endpoints" {
  count = var.network.endpoints ? 1 : 0

  name        = "${var.name}-endpoints"
  description = "Endpoints of the exchange: in by TLS from its functions"
  vpc_id      = var.network.vpc_id
  tags        = local.labels
}

resource "aws_vpc_security_group_ingress_rule" "functions" {
  count = var.network.endpoints ? 1 : 0

  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "Functions"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.functions[0].id
  tags                         = local.labels
}

resource "aws_vpc_endpoint" "s3" {
  count = var.network.endpoints ? 1 : 0

  vpc_id            = var.network.vpc_id
  service_name      = "com.amazonaws.${var.region}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = var.network.route_table_ids
  tags              = local.labels
}

resource "aws_vpc_endpoint" "this" {
  for_each = local.endpoints

  vpc_id              = var.network.vpc_id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = var.network.subnet_ids
  security_group_ids  = aws_security_group.endpoints[*].id
  tags                = local.labels
}
