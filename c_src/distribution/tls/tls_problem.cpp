#include "distribution/tls/tls_problem.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace rancher_cnode::distribution {

std::string certificate_problem(const std::string& whose, long verify_result) {
  switch (verify_result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return whose + " is expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return whose + " is not yet valid";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return whose + " is self-signed";
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return whose + " is of another CA";
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return whose + " is for another host";
    default:
      return whose + " is not accepted: " + X509_verify_cert_error_string(verify_result);
  }
}

std::string tls_problem(unsigned long error, TlsRole role) {
  switch (ERR_GET_REASON(error)) {
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return "the peer sent no certificate";
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
      return "the peer does not speak TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
      return "the peer speaks another version of TLS";
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
      return "the peer refuses our certificate: expired";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
      return "the peer refuses our certificate: unknown CA";
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "the peer requires a certificate of ours: --tls-cert-file";
    case SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE:
      return role == TlsRole::client
                 ? "the peer refuses our TLS handshake: most likely it requires a certificate of ours"
                 : "the peer refuses our TLS handshake: most likely our certificate is for another host";
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
      return "the peer refuses our certificate";
    default:
      break;
  }
  const char* const reason = ERR_reason_error_string(error);
  return "TLS failed: " + std::string(reason == nullptr ? "unknown error" : reason);
}

}  // namespace rancher_cnode::distribution
