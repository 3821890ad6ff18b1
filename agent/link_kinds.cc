#include "agent/link_kinds.h"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "agent/services/join.h"

namespace rdev::agent {
namespace {

using Offered = std::unique_ptr<link::Offer>;
using services::SessionKind;

constexpr std::uint32_t kMaxPort = 65535;

bool has_nul(std::string_view text) { return text.find('\0') != std::string_view::npos; }

void refuse(stream::Offer& offer, const Error& why) {
  offer.refuse(
      why.code == Code::kNotFound ? stream::Refusal::kUnknownType : stream::Refusal::kProhibited,
      why.message);
}

Result<SessionKind> session_kind(Session::Kind kind) {
  switch (kind) {
    case Session::EXEC:
      return SessionKind::kArgv;
    case Session::SHELL:
      return SessionKind::kShell;
    case Session::SFTP:
      return SessionKind::kSftp;
    case Session::COMMAND:
      return SessionKind::kExec;
    case Session::SESSION_ENVIRONMENT:
      return SessionKind::kSessionEnvironment;
    case Session::JOB_ENVIRONMENT:
      return SessionKind::kJobEnvironment;
    default:
      return fail(Code::kNotFound,
                  "this agent does not know such a kind of session: it is older than your rdev; "
                  "start the job anew with rdev down and rdev up");
  }
}

Result<void> set_argv(services::SessionRequest& request, Session& from) {
  for (std::string& word : *from.mutable_argv()) {
    if (has_nul(word)) {
      return fail(Code::kUsage, "an argument holds a NUL, which no program can be given");
    }
    request.argv.push_back(std::move(word));
  }
  if (request.kind == SessionKind::kArgv && (request.argv.empty() || request.argv[0].empty())) {
    return fail(Code::kUsage, "there is no command to run");
  }
  if (request.kind == SessionKind::kExec) {
    if (request.argv.size() != 1) {
      return fail(Code::kUsage, "a command line is one argument");
    }
    request.command = std::move(request.argv[0]);
    request.argv.clear();
  }
  return {};
}

Result<void> set_environment(services::SessionRequest& request, const Session& from) {
  for (const std::string& variable : from.env()) {
    const std::size_t equals = variable.find('=');
    if (equals == 0 || equals == std::string::npos || has_nul(variable)) {
      return fail(Code::kUsage, "an environment variable is not of the form NAME=VALUE");
    }
    request.env.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return {};
}

services::TerminalRequest terminal_request(Terminal& from) {
  return {.term = std::move(*from.mutable_term()),
          .size = {.columns = from.columns(),
                   .rows = from.rows(),
                   .width_px = from.width_px(),
                   .height_px = from.height_px()},
          .modes = std::move(*from.mutable_modes())};
}

awaitable<Result<std::unique_ptr<stream::Stream>>> open_child(const agent_link::OpenChild& open,
                                                              services::Originator from) {
  Accepted accepted;
  accepted.set_originator(std::move(from.host));
  accepted.set_originator_port(from.port);
  return open(std::move(accepted));
}

// The laptop's side of a listening stream.
class LinkListener final : public services::ListenPeer {
 public:
  LinkListener(agent_link::OpenChild open, Offered offer)
      : open_(std::move(open)), offer_(std::move(offer)) {}

  std::unique_ptr<stream::Stream> bound(std::uint16_t port) override {
    Listening answer;
    answer.set_port(port);
    return offer_->accept(answer.SerializeAsString());
  }
  void refuse(stream::Refusal why, std::string reason) override {
    offer_->refuse(why, std::move(reason));
  }
  awaitable<Result<std::unique_ptr<stream::Stream>>> open(services::Originator from) override {
    return open_child(open_, std::move(from));
  }

 private:
  const agent_link::OpenChild open_;
  const Offered offer_;
};

awaitable<void> serve_session(services::Sessions& sessions, services::AgentForwards& agents,
                              Session request, Offered offer) {
  const bool agent = request.ssh().agent();
  auto wanted = session_request(std::move(request));
  if (!wanted) {
    co_return refuse(*offer, wanted.error());
  }
  if (agent) {
    wanted->agent_socket = agents.path(wanted->user).value_or("");
  }
  co_await sessions.serve(*std::move(wanted), std::move(offer));
}

// Until the stream ends, which carries nothing itself.
awaitable<void> serve_lend_agent(services::AgentForwards& agents, LendAgent request,
                                 agent_link::OpenChild open, Offered offer) {
  if (has_nul(request.user())) {
    co_return offer->refuse(stream::Refusal::kProhibited, "a user holds no NUL");
  }
  services::OpenBack back = [open = std::move(open)](services::Originator from) {
    return open_child(open, std::move(from));
  };
  const auto lent = agents.lend(request.user(), std::move(back));
  if (!lent) {
    co_return offer->refuse(stream::Refusal::kProhibited, lent.error().message);
  }
  const auto stream = offer->accept();
  while (co_await stream->read_event()) {
  }
}

awaitable<void> refused(Offered offer, Error why) {
  refuse(*offer, why);
  co_return;
}

// Not coroutines: there may be thousands of these.
awaitable<void> serve_tcp(services::Forwards& forwards, TcpTarget request, Offered offer) {
  auto target = forward_target(std::move(request));
  return target ? forwards.serve(*std::move(target), std::move(offer))
                : refused(std::move(offer), std::move(target.error()));
}

awaitable<void> serve_unix(services::Forwards& forwards, UnixTarget request, Offered offer) {
  auto path = unix_target(std::move(request));
  return path ? forwards.serve_unix(*std::move(path), std::move(offer))
              : refused(std::move(offer), std::move(path.error()));
}

awaitable<void> serve_listen(services::Listeners& listeners, Listen request,
                             agent_link::OpenChild open, Offered offer) {
  auto target = listen_target(std::move(request));
  if (!target) {
    co_return refuse(*offer, target.error());
  }
  co_await listeners.serve(*std::move(target),
                           std::make_unique<LinkListener>(std::move(open), std::move(offer)));
}

// A connection to the agent's own SSH server, which authenticates it as every other.
awaitable<void> serve_ssh(sshd::Server& server, Offered offer) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    co_return offer->refuse(stream::Refusal::kResourceShortage,
                            fail_errno("no sockets for an SSH connection").value().message);
  }
  server.serve(base::Fd(ends[0]), "link");
  base::Fd ours(ends[1]);
  co_await services::join(offer->accept(), std::move(ours));
}

awaitable<void> serve_extend(Lifetime& lifetime, Extend request, Offered offer) {
  // Beyond the limit the exact number does not matter.
  const auto add = std::min(request.add_seconds(), std::uint64_t{UINT32_MAX});
  const auto remaining = lifetime.extend(std::chrono::seconds(static_cast<std::int64_t>(add)));
  if (!remaining) {
    co_return refuse(*offer, remaining.error());
  }
  Extended answer;
  answer.set_remaining_seconds(static_cast<std::uint64_t>(remaining->count()));
  offer->accept(answer.SerializeAsString())->close();
}

}  // namespace

Result<services::SessionRequest> session_request(Session from) {
  const auto kind = session_kind(from.kind());
  if (!kind) {
    return tl::make_unexpected(kind.error());
  }
  if (has_nul(from.user()) || has_nul(from.terminal().term()) ||
      has_nul(from.ssh().remote_address()) || has_nul(from.ssh().local_address())) {
    return fail(Code::kUsage, "a user, a terminal type and an address hold no NUL");
  }
  services::SessionRequest request{.kind = *kind, .user = from.user()};
  if (from.has_ssh()) {
    request.env_rule = services::EnvRule::kClientMaySet;
    request.remote_address = from.ssh().remote_address();
    request.local_address = from.ssh().local_address();
  } else {
    request.env_rule = services::EnvRule::kAll;
  }
  if (auto set = set_argv(request, from); !set) {
    return tl::make_unexpected(set.error());
  }
  if (auto set = set_environment(request, from); !set) {
    return tl::make_unexpected(set.error());
  }
  if (from.has_terminal()) {
    request.terminal = terminal_request(*from.mutable_terminal());
  }
  return request;
}

Result<services::ForwardTarget> forward_target(TcpTarget target) {
  if (target.host().empty() || has_nul(target.host())) {
    return fail(Code::kUsage, "a forward needs a host to connect to");
  }
  if (target.port() == 0 || target.port() > kMaxPort) {
    return fail(Code::kUsage,
                "there is no port " + std::to_string(target.port()) + " to connect to");
  }
  return services::ForwardTarget{.host = std::move(*target.mutable_host()),
                                 .port = static_cast<std::uint16_t>(target.port())};
}

Result<std::string> unix_target(UnixTarget target) {
  if (!target.path().starts_with('/') || has_nul(target.path())) {
    return fail(Code::kUsage, "the path of a socket must be absolute");
  }
  return std::move(*target.mutable_path());
}

Result<services::ListenTarget> listen_target(Listen request) {
  if (!request.path().empty() && (!request.path().starts_with('/') || has_nul(request.path()))) {
    return fail(Code::kUsage, "the path of a socket must be absolute");
  }
  if (request.port() > kMaxPort || has_nul(request.host())) {
    return fail(Code::kUsage, "there is no port " + std::to_string(request.port()) +
                                  " to listen on: choose one up to 65535, or 0 for any");
  }
  return services::ListenTarget{.host = std::move(*request.mutable_host()),
                                .port = static_cast<std::uint16_t>(request.port()),
                                .path = std::move(*request.mutable_path())};
}

agent_link::Kinds link_kinds(LinkServices services) {
  return {
      .session =
          [services](Session request, Offered offer) {
            return services.tidy.after(serve_session(services.sessions, services.agents,
                                                     std::move(request), std::move(offer)));
          },
      .tcp =
          [services](TcpTarget target, Offered offer) {
            return services.tidy.after(
                serve_tcp(services.forwards, std::move(target), std::move(offer)));
          },
      .unix_socket =
          [services](UnixTarget target, Offered offer) {
            return services.tidy.after(
                serve_unix(services.forwards, std::move(target), std::move(offer)));
          },
      .listen =
          [&listeners = services.listeners](Listen request, agent_link::OpenChild open,
                                            Offered offer) {
            return serve_listen(listeners, std::move(request), std::move(open), std::move(offer));
          },
      .lend_agent =
          [&agents = services.agents](LendAgent request, agent_link::OpenChild open,
                                      Offered offer) {
            return serve_lend_agent(agents, std::move(request), std::move(open), std::move(offer));
          },
      .ssh = [&server = services.server](
                 const SshServer&, Offered offer) { return serve_ssh(server, std::move(offer)); },
      .extend = [&lifetime = services.lifetime](
                    const Extend& request,
                    Offered offer) { return serve_extend(lifetime, request, std::move(offer)); },
  };
}

}  // namespace rdev::agent
