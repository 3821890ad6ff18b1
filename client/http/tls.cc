#include "client/http/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <filesystem>
#include <vector>

namespace rdev::http {
namespace {

template <auto F>
struct Free {
  template <class T>
  void operator()(T* object) const {
    F(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Free<SSL_free>>;

tl::unexpected<Error> fail_ssl(const std::string& what, const SSL* ssl = nullptr) {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  std::string why = error != 0 ? ERR_reason_error_string(error) : "the connection was closed";
  if (const long verdict = ssl != nullptr ? SSL_get_verify_result(ssl) : X509_V_OK;
      verdict != X509_V_OK) {
    why = X509_verify_cert_error_string(verdict);
  }
  return fail(Code::kClosed, what + ": " + why);
}

Result<Context> make_context(const TlsOptions& files) {
  Context context(SSL_CTX_new(TLS_client_method()));
  if (!context) {
    return fail_ssl("TLS");
  }
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  std::error_code ignored;  // an unreadable file is named when it is loaded
  if (files.verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    const int loaded = std::filesystem::exists(files.ca, ignored)
                           ? SSL_CTX_load_verify_file(context.get(), files.ca.c_str())
                           : SSL_CTX_set_default_verify_paths(context.get());
    if (loaded != 1) {
      return fail_ssl(files.ca.string());
    }
  }
  if (std::filesystem::exists(files.cert, ignored)) {
    if (SSL_CTX_use_certificate_chain_file(context.get(), files.cert.c_str()) != 1) {
      return fail_ssl(files.cert.string());
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
      return fail_ssl(files.key.string());
    }
  }
  return context;
}

Result<Session> make_session(SSL_CTX* context, const std::string& host) {
  Session ssl(SSL_new(context));
  if (!ssl) {
    return fail_ssl("TLS");
  }
  BIO* from_peer = BIO_new(BIO_s_mem());
  BIO* to_peer = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(from_peer, -1);  // empty means "later", not "ended"
  SSL_set_bio(ssl.get(), from_peer, to_peer);
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) != 1) {
    ERR_clear_error();  // not an address, so a name
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
    SSL_set1_host(ssl.get(), host.c_str());
  }
  SSL_set_connect_state(ssl.get());
  return ssl;
}

class TlsConnection final : public Connection {
 public:
  TlsConnection(std::unique_ptr<Connection> inner, Context context, Session ssl)
      : inner_(std::move(inner)), context_(std::move(context)), ssl_(std::move(ssl)) {}

  awaitable<Result<void>> handshake() {
    for (;;) {
      const int done = SSL_do_handshake(ssl_.get());
      const int error = SSL_get_error(ssl_.get(), done);
      if (done != 1 && error != SSL_ERROR_WANT_READ) {
        auto failed = fail_ssl("TLS handshake", ssl_.get());
        co_await flush();  // the alert; that we failed says enough
        co_return failed;
      }
      if (auto sent = co_await flush(); !sent || done == 1) {
        co_return sent;
      }
      auto got = co_await receive();
      if (!got) {
        co_return tl::make_unexpected(got.error());
      }
      if (*got == 0) {
        co_return fail(Code::kClosed, "TLS handshake: the server closed the connection");
      }
    }
  }

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer) override {
    for (;;) {
      std::size_t n = 0;
      const int done = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &n);
      if (done == 1) {
        co_return n;
      }
      const int error = SSL_get_error(ssl_.get(), done);
      if (error == SSL_ERROR_ZERO_RETURN) {
        co_return 0;
      }
      if (error != SSL_ERROR_WANT_READ) {
        co_return fail_ssl("TLS");
      }
      if (auto sent = co_await flush(); !sent) {
        co_return tl::make_unexpected(sent.error());
      }
      auto got = co_await receive();
      if (!got) {
        co_return tl::make_unexpected(got.error());
      }
      if (*got == 0) {
        co_return fail(Code::kClosed, "the server's TLS connection was cut");
      }
    }
  }

  awaitable<Result<void>> write(asio::const_buffer bytes) override {
    std::size_t n = 0;
    if (bytes.size() > 0 && SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &n) != 1) {
      co_return fail_ssl("TLS write");
    }
    co_return co_await flush();
  }

  // The close_notify alert; reading goes on (RFC 8446 section 6.1).
  awaitable<Result<void>> write_eof() override {
    if (SSL_shutdown(ssl_.get()) < 0) {
      co_return fail_ssl("TLS close");
    }
    co_return co_await flush();
  }

 private:
  awaitable<Result<std::size_t>> receive() {
    auto n = co_await inner_->read(asio::buffer(received_));
    if (n && *n > 0) {
      BIO_write(SSL_get_rbio(ssl_.get()), received_.data(), static_cast<int>(*n));
    }
    co_return n;
  }

  // Sends what TLS has for the peer. The reader has something only for a key update; when it meets
  // the writer here, one of the two sends for both.
  awaitable<Result<void>> flush() {
    if (flushing_) {
      co_return Result<void>();
    }
    flushing_ = true;
    Result<void> sent;
    while (sent && BIO_pending(SSL_get_wbio(ssl_.get())) > 0) {
      to_send_.resize(BIO_pending(SSL_get_wbio(ssl_.get())));
      BIO_read(SSL_get_wbio(ssl_.get()), to_send_.data(), static_cast<int>(to_send_.size()));
      sent = co_await inner_->write(asio::buffer(to_send_));
    }
    flushing_ = false;
    co_return sent;
  }

  std::unique_ptr<Connection> inner_;
  Context context_;
  Session ssl_;
  bool flushing_ = false;
  std::vector<char> received_ = std::vector<char>(32768);
  std::vector<char> to_send_;
};

}  // namespace

awaitable<Result<std::unique_ptr<Connection>>> start_tls(std::unique_ptr<Connection> inner,
                                                         TlsOptions files, std::string host) {
  auto context = make_context(files);
  if (!context) {
    co_return tl::make_unexpected(context.error());
  }
  auto ssl = make_session(context->get(), host);
  if (!ssl) {
    co_return tl::make_unexpected(ssl.error());
  }
  auto connection =
      std::make_unique<TlsConnection>(std::move(inner), std::move(*context), std::move(*ssl));
  if (auto shaken = co_await connection->handshake(); !shaken) {
    co_return tl::make_unexpected(shaken.error());
  }
  co_return std::move(connection);
}

}  // namespace rdev::http
