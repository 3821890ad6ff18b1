#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/task_group.h"
#include "protocol/ssh/keys.h"
#include "protocol/ssh/transport.h"
#include "protocol/sshd/startups.h"
#include "protocol/stream/stream.h"

namespace rdev::sshd {

// Who is at the other end of an authenticated connection.
struct Peer {
  std::string user;             // as the client named it
  std::string key_fingerprint;  // SHA256:…
  std::string remote_address;   // "127.0.0.1:51234", "unix" or as serve() was told
  std::string local_address;
};

struct Pty {
  std::string term;
  stream::WindowChange size;
  std::string modes;  // encoded terminal modes, RFC 4254 section 8
};

// A session channel that wants to start (RFC 4254 section 6.5).
struct SessionStart {
  std::string command;  // the exec string; empty for a shell; the name for a subsystem
  std::optional<Pty> pty;
  std::vector<std::pair<std::string, std::string>> env;  // as asked for by the client, in order
  bool agent = false;  // the connection lends its agent, unless AgentHandler is about to refuse
};

// RFC 4254 section 7.2.
struct TcpTarget {
  std::string host;
  std::uint16_t port = 0;
  std::string originator;
  std::uint16_t originator_port = 0;
};

// Where a client wants the server to listen (RFC 4254 section 7.1; OpenSSH's PROTOCOL,
// section 2.4).
struct ListenTarget {
  std::string host;  // as the client wrote it; "" is every address
  std::uint16_t port = 0;
  std::string path;  // of a unix socket; then the others are not set
};

// Who connected to what listens; "" and 0 for a unix socket.
struct Originator {
  std::string host;
  std::uint16_t port = 0;
};

// Asks the client for a channel; fails when it refuses and when its connection is gone.
using OpenBack = std::function<awaitable<Result<std::unique_ptr<stream::Stream>>>(Originator)>;

// What listens for a client. It stops when it is destroyed; what it has accepted goes on.
class Listening {
 public:
  virtual ~Listening() = default;
  virtual std::uint16_t port() const = 0;  // 0: of a unix socket
  // Joins each connection to a channel, until cancelled.
  virtual awaitable<void> accept(OpenBack open_back) = 0;
};

using SessionHandler =
    std::function<awaitable<void>(const Peer&, SessionStart, std::unique_ptr<stream::Offer>)>;
using TcpHandler =
    std::function<awaitable<void>(const Peer&, TcpTarget, std::unique_ptr<stream::Offer>)>;
using UnixHandler =
    std::function<awaitable<void>(const Peer&, std::string path, std::unique_ptr<stream::Offer>)>;
using ListenHandler =
    std::function<awaitable<Result<std::unique_ptr<Listening>>>(const Peer&, ListenTarget)>;
// A client lends its authentication agent, until what this returns is destroyed.
using AgentHandler = std::function<awaitable<Result<std::shared_ptr<void>>>(const Peer&, OpenBack)>;

// What an authenticated peer may ask for. What has no handler is refused as RFC 4254 says; so an
// empty table is a server that does nothing.
struct Services {
  SessionHandler shell;
  SessionHandler exec;
  std::map<std::string, SessionHandler, std::less<>> subsystems;
  // Bytes that a subsystem's channel may have on its way, where that is more than usual.
  std::map<std::string, std::uint32_t, std::less<>> windows;
  TcpHandler direct_tcpip;
  UnixHandler direct_streamlocal;
  ListenHandler listen;
  AgentHandler agent;
  std::function<bool(std::string_view name)> accepts_variable;  // of the client; unset: any
  std::function<void()> connection_ended;                       // for housekeeping
};

// Decides who may enter. Public key is the only method.
class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual bool may_login(const std::string& user, const ssh::PublicKey& key) = 0;
};

struct Limits {
  std::chrono::seconds login_grace{20};
  int auth_tries = 6;
  Startups startups;
  std::size_t sessions_per_connection = 1024;  // channels
  ssh::Clients clients = ssh::Clients::kAnywhere;
};

// An SSH server over connected sockets: who accepts them is the caller's business.
class Server final {
 public:
  Server(const asio::any_io_executor& executor, ssh::PrivateKey host_key, Authorizer& authorizer,
         Services services, Limits limits = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  // Takes over a connected stream socket (TCP, unix, socketpair) and serves it until it ends.
  // `called`: what Peer calls both addresses; empty: as the socket does. A peer with a name has
  // been let in by somebody already: Startups does not count it.
  void serve(base::Fd socket, const std::string& called = {});

  // Connections, authenticated or not.
  std::size_t connections() const;

  // Ends all connections that there are, with a sentence for their clients.
  void disconnect(const std::string& why);
  // The same for good, and waits for their handlers.
  awaitable<void> stop(std::string why = "the server stops");

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;  // shared with handlers that are posted while it may go away
};

}  // namespace rdev::sshd
