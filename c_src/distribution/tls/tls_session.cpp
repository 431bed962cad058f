#include "distribution/tls/tls_session.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>
#include <utility>
#include <vector>

#include "distribution/tls/tls_problem.hpp"
#include "rancher_cnode/core/regular_file.hpp"

namespace rancher_cnode::distribution {
namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Freed<SSL_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Verification = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

/// Larger than any bundle of CA certificates.
constexpr std::size_t max_file_size = std::size_t{4} << 20U;

/// Of OpenSSL's first error; "" if there is none.
std::string openssl_reason() {
  const char* const reason = ERR_reason_error_string(ERR_get_error());
  return reason == nullptr ? "" : reason;
}

Bio bytes_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// Empty if there is none, or one is malformed: OpenSSL has the error.
std::vector<Certificate> certificates_in(const std::string& pem) {
  const Bio bytes = bytes_of(pem);
  std::vector<Certificate> found;
  while (X509* const next = PEM_read_bio_X509_AUX(bytes.get(), nullptr, nullptr, nullptr)) {
    found.emplace_back(next);
  }
  const auto error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
    return {};
  }
  if (!found.empty()) {
    ERR_clear_error();  // it was the end
  }
  return found;
}

// OpenSSL's callbacks: C linkage in effect.
extern "C" {

/// Without this, OpenSSL asks at the terminal.
static int on_password(char* buffer, int size, int /*writing*/, void* cookie) {
  const std::string& password = static_cast<const Cookie*>(cookie)->reveal();
  const auto length = std::min<std::size_t>(password.size(), static_cast<std::size_t>(size));
  std::copy_n(password.data(), length, buffer);  // its length is returned, so it needs no NUL
  return static_cast<int>(length);
}

/// As a BEAM checks it, whose node names have addresses for hosts: in a name of the certificate or as an
/// address.
static int on_verify(X509_STORE_CTX* chain, void* host) {
  const int verified = X509_verify_cert(chain);
  const std::string& address = *static_cast<const std::string*>(host);
  X509* const leaf = X509_STORE_CTX_get0_cert(chain);
  if (verified <= 0 || address.empty() || X509_check_ip_asc(leaf, address.c_str(), 0) == 1 ||
      X509_check_host(leaf, address.data(), address.size(), 0, nullptr) == 1) {
    return verified;
  }
  X509_STORE_CTX_set_error(chain, X509_V_ERR_HOSTNAME_MISMATCH);
  return 0;
}
}

/// The certificate comes first in its file, then those that lead to the CA.
bool use_certificate(SSL_CTX* context, const std::string& pem) {
  const auto chain = certificates_in(pem);
  return !chain.empty() && SSL_CTX_use_certificate(context, chain.front().get()) == 1 &&
         std::all_of(chain.begin() + 1, chain.end(), [context](const Certificate& issuer) {
           return SSL_CTX_add1_chain_cert(context, issuer.get()) == 1;
         });
}

bool use_key(SSL_CTX* context, const std::string& pem, Cookie password) {
  const Key key(PEM_read_bio_PrivateKey(bytes_of(pem).get(), nullptr, on_password, &password));
  return key && SSL_CTX_use_PrivateKey(context, key.get()) == 1;
}

bool trust(SSL_CTX* context, const std::string& pem) {
  const auto trusted = certificates_in(pem);
  return !trusted.empty() && std::ranges::all_of(trusted, [context](const Certificate& certificate) {
    return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) == 1;
  });
}

/// OpenSSL gets the contents: it would wait for the writer of a FIFO.
template <class Use>
Expected<void> load(const std::string& what, const std::string& path, Use use) {
  const auto pem = read_file(path, max_file_size);
  if (pem && use(*pem)) {
    return {};
  }
  const std::string reason = pem ? openssl_reason() : pem.error().message;
  return failure(ErrorCode::unavailable,
                 "cannot use the " + what + " in " + path + (reason.empty() ? "" : ": " + reason));
}

Expected<void> load_files(SSL_CTX* context, const TlsSide& options) {
  Expected<void> loaded;
  if (!options.cert_file.empty()) {
    loaded = load("certificate", options.cert_file,
                  [&](const std::string& pem) { return use_certificate(context, pem); });
    const std::string& key = options.key_file.empty() ? options.cert_file : options.key_file;
    if (loaded) {
      loaded =
          load("key", key, [&](const std::string& pem) { return use_key(context, pem, options.password); });
    }
  }
  if (loaded && !options.ca_file.empty()) {
    loaded =
        load("CA certificates", options.ca_file, [&](const std::string& pem) { return trust(context, pem); });
  }
  return loaded;
}

Expected<Context> make_context(const TlsSide& options) {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_method()));
  if (!context) {
    return failure(ErrorCode::failed, "OpenSSL has no memory");
  }
  SSL_CTX_set_min_proto_version(context.get(),
                                options.tls_1_2 == Switch::on ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(context.get(),
                                options.tls_1_3 == Switch::on ? TLS1_3_VERSION : TLS1_2_VERSION);
  // Nothing is resumed. A BEAM that closes without announcing it has closed all the same: frames have
  // lengths.
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  if (options.depth) {
    SSL_CTX_set_verify_depth(context.get(), *options.depth);
  }
  if (auto loaded = load_files(context.get(), options); !loaded) {
    return tl::unexpected<Error>(loaded.error());
  }
  return context;
}

}  // namespace

class TlsSession::Native {
 public:
  Native(Context context, std::string its_host)
      : host(std::move(its_host)), context_(std::move(context)), session(SSL_new(context_.get())) {
    SSL_CTX_set_cert_verify_callback(context_.get(), on_verify, &host);
  }
  std::string host;  ///< the peer's address; "" = any

 private:
  Context context_;

 public:
  Session session;
};

TlsSession::TlsSession(std::unique_ptr<Native> native) : native_(std::move(native)) {}
TlsSession::~TlsSession() = default;

Expected<std::shared_ptr<TlsSession>> TlsSession::client(const TlsSide& options, const std::string& host) {
  auto context = make_context(options);
  if (!context) {
    return tl::unexpected<Error>(context.error());
  }
  SSL_CTX_set_verify(context->get(), options.verify == TlsVerify::peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE,
                     nullptr);
  auto session = std::make_shared<TlsSession>(std::make_unique<Native>(*std::move(context), host));
  SSL_set_connect_state(session->native_->session.get());
  return session;
}

Expected<std::shared_ptr<TlsSession>> TlsSession::server(const TlsSide& options) {
  if (options.cert_file.empty()) {
    return failure(ErrorCode::unavailable, "no certificate: --tls-cert-file or --ssl-dist-optfile");
  }
  auto context = make_context(options);
  if (!context) {
    return tl::unexpected<Error>(context.error());
  }
  int mode = options.verify == TlsVerify::peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;
  if (mode == SSL_VERIFY_PEER && options.require_certificate == Switch::on) {
    mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  SSL_CTX_set_verify(context->get(), mode, nullptr);
  auto session = std::make_shared<TlsSession>(std::make_unique<Native>(*std::move(context), ""));
  SSL_set_accept_state(session->native_->session.get());
  return session;
}

long TlsSession::own_verify_result(const std::string& own_host) const {
  SSL_CTX* const context = SSL_get_SSL_CTX(native_->session.get());
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(context, &chain);
  const Verification verification(X509_STORE_CTX_new());
  if (!verification || X509_STORE_CTX_init(verification.get(), SSL_CTX_get_cert_store(context),
                                           SSL_get_certificate(native_->session.get()), chain) != 1) {
    return X509_V_ERR_OUT_OF_MEM;
  }
  std::string host = own_host;
  on_verify(verification.get(), &host);
  return X509_STORE_CTX_get_error(verification.get());
}

void TlsSession::use(int fd) { SSL_set_fd(native_->session.get(), fd); }

TlsStatus TlsSession::status_after(int result) {
  if (result > 0) {
    return TlsStatus::done;
  }
  SSL* const session = native_->session.get();
  switch (SSL_get_error(session, result)) {
    case SSL_ERROR_WANT_READ:
      return TlsStatus::wait_readable;
    case SSL_ERROR_WANT_WRITE:
      return TlsStatus::wait_writable;
    case SSL_ERROR_ZERO_RETURN:
      return TlsStatus::closed;
    case SSL_ERROR_SSL: {
      const long verified = SSL_get_verify_result(session);
      const auto error = ERR_get_error();
      const bool is_ours = ERR_GET_REASON(error) == SSL_R_CERTIFICATE_VERIFY_FAILED;
      problem_ = is_ours
                     ? certificate_problem("the peer's certificate", verified)
                     : tls_problem(error, SSL_is_server(session) == 1 ? TlsRole::server : TlsRole::client);
      return TlsStatus::failed;
    }
    default:
      // The socket failed: it was reset, or closed while there was still something to be sent.
      return TlsStatus::closed;
  }
}

TlsStatus TlsSession::handshake() {
  ERR_clear_error();
  return status_after(SSL_do_handshake(native_->session.get()));
}

TlsResult TlsSession::read(std::span<char> buffer) {
  ERR_clear_error();
  std::size_t size = 0;
  const int result = SSL_read_ex(native_->session.get(), buffer.data(), buffer.size(), &size);
  return {status_after(result), size};
}

TlsResult TlsSession::write(std::span<const char> bytes) {
  ERR_clear_error();
  std::size_t size = 0;
  const int result = SSL_write_ex(native_->session.get(), bytes.data(), bytes.size(), &size);
  return {status_after(result), size};
}

bool TlsSession::has_ended() {
  ERR_clear_error();
  char byte = 0;
  std::size_t size = 0;
  const auto status = status_after(SSL_peek_ex(native_->session.get(), &byte, sizeof(byte), &size));
  return status == TlsStatus::closed || status == TlsStatus::failed;
}

void TlsSession::announce_end() {
  ERR_clear_error();
  // OpenSSL forbids it after an error, and during a handshake it would not be understood.
  if (problem_.empty() && SSL_is_init_finished(native_->session.get()) == 1) {
    static_cast<void>(SSL_shutdown(native_->session.get()));
  }
}

}  // namespace rancher_cnode::distribution
