#include "agent/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <string>

#include "agent/config.h"
#include "protocol/base/relay.h"
#include "protocol/base/unix_socket.h"

namespace rdev::agent {
namespace {

constexpr int kNoAgent = 255;
constexpr int kAnswerMs = 5000;
// An agent gives its processes 5 s, and as much again to what does not die at once.
constexpr int kStopMs = 15000;

int complain(const Error& error) {
  std::fprintf(stderr, "rdev-agent: %s\n", error.message.c_str());
  return error.code == Code::kUnavailable ? kNoAgent : 1;
}

struct Running {
  Config config;
  base::UnixPeer peer;
};

Result<Running> find(const std::filesystem::path& path) {
  auto config = load_config(path);
  if (!config) {
    return tl::make_unexpected(config.error());
  }
  if (config->socket.empty()) {
    return fail(Code::kUsage, "the config " + path.string() + " names no socket");
  }
  auto peer = base::connect_unix(config->socket);
  if (!peer) {
    return prefix("no agent runs here", peer.error());
  }
  // Its connection is read and written in turn here.
  if (::fcntl(peer->socket.get(), F_SETFL, 0) != 0) {
    return fail_errno("cannot make a socket blocking");
  }
  return Running{.config = *std::move(config), .peer = *std::move(peer)};
}

// An agent that hangs is not running: it must say its SSH version.
Result<void> expect_greeting(const Running& agent) {
  pollfd wait{.fd = agent.peer.socket.get(), .events = POLLIN};
  char greeting[8] = {};
  if (::poll(&wait, 1, kAnswerMs) != 1 ||
      ::recv(wait.fd, greeting, sizeof greeting, MSG_WAITALL) != sizeof greeting ||
      std::string_view(greeting, sizeof greeting) != "SSH-2.0-") {
    return fail(Code::kUnavailable, "process " + std::to_string(agent.peer.pid) + " listens on " +
                                        agent.config.socket + " but does not answer as an agent");
  }
  return {};
}

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", c);
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

void print_status(const Running* agent, StatusFormat format) {
  if (format == StatusFormat::kText) {
    if (agent != nullptr) {
      std::printf("running: process %d, job %s, host key %s\n", agent->peer.pid,
                  agent->config.job_name.c_str(),
                  agent->config.host_key.public_key().fingerprint().c_str());
    }
    return;
  }
  if (agent == nullptr) {
    std::printf("{\"running\": false}\n");
    return;
  }
  std::printf(
      "{\"running\": true, \"pid\": %d, \"job\": %s, \"job_id\": %s, \"host_key\": %s, "
      "\"socket\": %s}\n",
      agent->peer.pid, json_string(agent->config.job_name).c_str(),
      json_string(agent->config.job_id).c_str(),
      json_string(agent->config.host_key.public_key().text()).c_str(),
      json_string(agent->config.socket).c_str());
}

// Waits on a pidfd; before Linux 5.3 by asking again and again.
bool wait_until_gone(pid_t pid, int process) {
  if (process >= 0) {
    pollfd wait{.fd = process, .events = POLLIN};
    return ::poll(&wait, 1, kStopMs) == 1;
  }
  constexpr int kStepMs = 20;
  for (int waited = 0; waited < kStopMs; waited += kStepMs) {
    if (::kill(pid, 0) != 0 && errno == ESRCH) {
      return true;
    }
    ::poll(nullptr, 0, kStepMs);
  }
  return false;
}

}  // namespace

int status(const std::filesystem::path& config, StatusFormat format) {
  const auto agent = find(config);
  const auto answers = agent ? expect_greeting(*agent) : tl::make_unexpected(agent.error());
  print_status(answers ? &*agent : nullptr, format);
  return answers ? 0 : complain(answers.error());
}

int stop(const std::filesystem::path& config) {
  const auto agent = find(config);
  if (!agent) {
    return complain(agent.error());
  }
  const pid_t pid = agent->peer.pid;
  const base::Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (pid <= 0 || ::kill(pid, SIGTERM) != 0) {
    return complain(fail_errno("cannot stop process " + std::to_string(pid)).value());
  }
  if (!wait_until_gone(pid, process.get())) {
    return complain({.message = "process " + std::to_string(pid) + " is still there after " +
                                std::to_string(kStopMs / 1000) + " s"});
  }
  return 0;
}

int stdio(const std::filesystem::path& config) {
  auto agent = find(config);
  if (!agent) {
    return complain(agent.error());
  }
  base::relay(STDIN_FILENO, STDOUT_FILENO, std::move(agent->peer.socket));
  // The agent has closed; what stdin still has is for nobody.
  ::_exit(0);
}

}  // namespace rdev::agent
