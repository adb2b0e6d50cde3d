# A symmetric key of Cloud KMS with a policy that names everybody who may use it.

resource "google_kms_crypto_key" "this" {
  name                       = var.name
  key_ring                   = var.ring
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "${86400 * var.rotation_days}s"
  destroy_scheduled_duration = "${86400 * var.deletion_days}s"
  labels                     = var.labels
}

resource "google_kms_crypto_key_iam_policy" "this" {
  crypto_key_id = google_kms_crypto_key.this.id
  policy_data = jsonencode({ bindings = [for b in [
    { role = "roles/cloudkms.cryptoKeyEncrypterDecrypter", members = sort(var.users.both) },
    { role = "roles/cloudkms.cryptoKeyDecrypter", members = sort(var.users.decrypt) },
  ] : b if length(b.members) > 0] })
}
