#pragma once

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/asio.h"
#include "protocol/base/fd.h"
#include "protocol/base/notify.h"
#include "protocol/ssh/keys.h"
#include "protocol/ssh/packet_sink.h"
#include "protocol/ssh/tcp.h"

struct ssh_session_struct;
struct ssh_event_struct;
struct rdev_ssh_hook;

namespace rdev::ssh {

// Where those of a server are.
enum class Clients { kAnywhere, kOnThisMachine };

// libssh's session over one connected stream socket, of either side.
//
// libssh does the transport, the key exchange, user authentication and keys, and nothing else: the
// connection protocol (RFC 4254) is ours, in Connection. Its own gives no deferred answer, no
// terminal modes or break, frees channels under the caller's feet (freeing one inside its callbacks
// is a use-after-free), drops data beyond the window silently, credits in half windows, and looks
// channels up in a list. shim.c takes the packets before libssh sees them.
//
// One poll context a session: a nested poll runs the whole context, so a shared one would call
// other sessions' handlers from inside this one.
class Transport final : public PacketSink, public std::enable_shared_from_this<Transport> {
 public:
  enum class Proof {
    kNone,
    kVerified
  };  // whether the peer has shown that it holds the private key

  // Calls may come from inside libssh: none may destroy the session, which the shared_ptr ensures.
  class Owner {
   public:
    virtual ~Owner() = default;
    // Server: an authentication request has come in; `method` as RFC 4252 names it. may_login()
    // follows when it is a public key that can be used. Both may call disconnect().
    virtual void on_auth_request(std::string_view method);
    // Server: may `user` enter with `key`? Asked with and without proof; only kVerified enters.
    virtual bool may_login(std::string_view user, const PublicKey& key, Proof proof);
    // A packet of the connection protocol.
    virtual void on_packet(Message type, std::string_view payload) = 0;
    // congested() has become false.
    virtual void on_writable() = 0;
    // Once, at the end: nothing comes after it.
    virtual void on_closed(const Error& why) = 0;
  };

  // When the server asks for new keys by itself. Both wait for more than a round trip then, which a
  // fast line would notice after each gigabyte. The time counts when something is sent or received:
  // an idle connection stays idle.
  struct Rekey {
    // In either direction; 0: by the cipher's blocks, 64 GiB of AES (RFC 4344 section 3.2) and 1
    // GiB of ChaCha20 (RFC 4253 section 9), as OpenSSH does.
    std::uint64_t bytes = 0;
    std::chrono::seconds time = std::chrono::hours(1);
  };
  struct ServerOptions {
    const PrivateKey& host_key;
    std::string software;  // RFC 4253 section 4.2, after "SSH-2.0-"
    Clients clients = Clients::kAnywhere;
    Rekey rekey = {};
  };
  static Result<std::shared_ptr<Transport>> serve(const asio::any_io_executor& executor,
                                                  base::Fd socket, const ServerOptions& options,
                                                  Owner& owner);

  static Result<std::shared_ptr<Transport>> connect(const asio::any_io_executor& executor,
                                                    base::Fd socket, const std::string& user,
                                                    Owner& owner);
  // Client: the key exchange, and the pin. Code::kPermission: another host key.
  awaitable<Result<void>> handshake(const PublicKey& host_key);
  // Client: afterwards. Code::kPermission: refused, another key may be tried.
  awaitable<Result<void>> authenticate(const PrivateKey& user_key);

  explicit Transport(const asio::any_io_executor& executor, Owner& owner);
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  ~Transport() override;

  // The owner goes away: no more calls. The connection ends unless disconnect() was called before.
  void detach();

  void send(std::string_view head, std::string_view body) override;
  bool congested() const override { return congested_; }
  void disconnect(DisconnectReason reason, std::string_view why) override;

 private:
  struct FreeSession {
    void operator()(ssh_session_struct* session) const;
  };
  struct FreeHook {
    void operator()(rdev_ssh_hook* hook) const;
  };
  // Keeps `socket`; returns the duplicate that libssh is to own, or -1.
  int adopt(base::Fd socket);
  Result<void> start_server(base::Fd socket, const ServerOptions& options);
  Result<void> start_client(base::Fd socket, const std::string& user);
  // Begins to pump.
  Result<void> attach();
  awaitable<Result<void>> exchange_keys();
  Result<void> check_host_key(const PublicKey& pinned) const;

  void schedule_pump();
  void pump(bool readable);
  void pump_libssh();
  // Reads once; whether there may be more.
  bool receive();
  void flush();
  bool is_over() const;
  void settle();
  void wait_for_socket();
  void update_congestion();
  void finish(Error why);
  Error closing_error() const;

  static void on_packet(void* self, std::uint8_t type, const std::uint8_t* payload,
                        std::size_t size) noexcept;
  static int on_public_key(ssh_session_struct* session, const char* user, ssh_key_struct* key,
                           char signature_state, void* self) noexcept;

  asio::any_io_executor executor_;
  Owner* owner_;
  // The session names the other two: it goes first.
  std::unique_ptr<rdev_ssh_hook, FreeHook> hook_;
  std::shared_ptr<void> server_callbacks_;
  std::unique_ptr<ssh_session_struct, FreeSession> session_;
  ssh_event_struct* event_ = nullptr;
  asio::posix::stream_descriptor descriptor_;  // a duplicate of libssh's
  Tcp tcp_ = Tcp::none();                      // of that
  asio::steady_timer linger_;
  base::Notify progress_;
  std::size_t queued_ = 0;  // bytes sent during a key exchange, which libssh keeps back
  std::size_t park_above_;  // bytes that wait for the socket: then congested
  bool congested_ = false;
  bool pump_scheduled_ = false;
  bool waits_read_ = false;
  bool waits_write_ = false;
  std::optional<Error> ending_;  // disconnect() was called: end when all has gone out
  std::optional<Error> ended_;
};

}  // namespace rdev::ssh
