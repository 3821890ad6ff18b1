#include "client/tunnels/spec.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <optional>
#include <vector>

namespace rdev::tunnels {
namespace {

constexpr std::size_t kMaxSpec = 4096;
constexpr std::size_t kMaxHost = 255;
constexpr std::size_t kMaxPath = 107;  // of a unix socket on Linux
constexpr char kForms[] =
    "write [BIND:]PORT:HOST:PORT, [BIND:]PORT:/PATH, /PATH:HOST:PORT or /PATH:/PATH";
constexpr char kDynamicForms[] = "write [BIND:]PORT or /PATH";

bool has_target(Tunnel::Kind kind) { return kind == Tunnel::LOCAL || kind == Tunnel::REMOTE; }

struct Part {
  std::string text;
  bool bracketed = false;
  bool is_path() const { return !bracketed && text.starts_with('/'); }
};

// At each ':' outside brackets that has no '\' before it.
Result<std::vector<Part>> split(std::string_view text) {
  std::vector<Part> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    Part& part = parts.back();
    const char c = text[i];
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      return fail(Code::kUsage, "it has a control character in it");
    }
    if (c == '[' && part.text.empty() && !part.bracketed) {
      const std::size_t end = text.find(']', i);
      if (end == std::string_view::npos || (end + 1 < text.size() && text[end + 1] != ':')) {
        return fail(Code::kUsage, "a '[' needs its ']' at the end of the address");
      }
      part = {.text = std::string(text.substr(i + 1, end - i - 1)), .bracketed = true};
      i = end;
    } else if (c == '\\' && i + 1 < text.size() && (text[i + 1] == ':' || text[i + 1] == '\\')) {
      part.text += text[++i];
    } else if (c == ':') {
      parts.emplace_back();
    } else {
      part.text += c;
    }
  }
  return parts;
}

Result<std::uint32_t> port_of(const Part& part, std::uint32_t least) {
  std::uint32_t port = 0;
  const char* end = part.text.data() + part.text.size();
  const auto [stop, error] = std::from_chars(part.text.data(), end, port);
  if (part.bracketed || part.text.empty() || error != std::errc() || stop != end || port > 65535 ||
      port < least) {
    return fail(Code::kUsage, "'" + part.text + "' is no port from " + std::to_string(least) +
                                  " to 65535; " + kForms);
  }
  return port;
}

Result<std::string> bind_of(const std::optional<Part>& part) {
  if (!part || part->text == "localhost") {
    return "localhost";
  }
  if (!part->bracketed && (part->text.empty() || part->text == "*")) {
    return "*";
  }
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(part->text, error);
  if (error) {
    return fail(Code::kUsage, "'" + part->text +
                                  "' is no address to listen on: write an address ([::1] for "
                                  "IPv6), localhost, or * for all");
  }
  return address.to_string();
}

Result<std::string> host_of(const Part& part) {
  if (part.text.empty() || part.text.size() > kMaxHost ||
      part.text.find(' ') != std::string::npos) {
    return fail(Code::kUsage, "'" + part.text + "' is no host to connect to; " + kForms);
  }
  return part.text;
}

Result<std::string> path_of(const Part& part) {
  if (part.text.size() > kMaxPath) {
    return fail(Code::kUsage, "the path " + part.text + " is longer than " +
                                  std::to_string(kMaxPath) +
                                  " bytes, which is all that a unix socket takes");
  }
  return part.text;
}

bool is_address(const std::string& host) {
  boost::system::error_code error;
  return boost::asio::ip::make_address(host, error).is_v6() && !error;
}

std::string host_and_port(const std::string& host, std::uint32_t port) {
  return (is_address(host) ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string escaped(const std::string& path) {
  std::string text;
  for (const char c : path) {
    text += c == ':' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  }
  return text;
}

// Where it listens: the first one or two of `parts`, which are taken off.
Result<void> read_listen(std::vector<Part>& parts, std::size_t count, Tunnel& tunnel) {
  if (count == 1 && parts[0].is_path()) {
    auto path = path_of(parts[0]);
    if (!path) {
      return tl::make_unexpected(path.error());
    }
    tunnel.set_listen_path(*path);
  } else {
    const auto bind = bind_of(count == 2 ? std::optional(parts[0]) : std::nullopt);
    const auto port = port_of(parts[count - 1], 0);
    if (!bind || !port) {
      return tl::make_unexpected(bind ? port.error() : bind.error());
    }
    tunnel.set_listen_host(*bind);
    tunnel.set_listen_port(*port);
  }
  parts.erase(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(count));
  return {};
}

Result<void> read_target(const std::vector<Part>& parts, Tunnel& tunnel) {
  if (parts.size() == 1) {
    const auto path = path_of(parts[0]);
    if (!path) {
      return tl::make_unexpected(path.error());
    }
    tunnel.set_target_path(*path);
    return {};
  }
  const auto host = host_of(parts[0]);
  const auto port = port_of(parts[1], 1);
  if (!host || !port) {
    return tl::make_unexpected(host ? port.error() : host.error());
  }
  tunnel.set_target_host(*host);
  tunnel.set_target_port(*port);
  return {};
}

Result<Tunnel> parse(Tunnel::Kind kind, std::string_view text) {
  if (text.size() > kMaxSpec) {
    return fail(Code::kUsage, "it is too long");
  }
  auto parts = split(text);
  if (!parts) {
    return tl::make_unexpected(parts.error());
  }
  const std::size_t target = !has_target(kind) ? 0 : parts->back().is_path() ? 1 : 2;
  const std::size_t listen = parts->size() - std::min(target, parts->size());
  if (target == 2 && parts->size() == 1) {
    return fail(Code::kUsage, std::string("it names nothing to connect to (-D is SOCKS, which does "
                                          "without); ") +
                                  kForms);
  }
  if (listen < 1 || listen > 2 || (listen == 2 && (*parts)[0].is_path())) {
    return fail(Code::kUsage, target == 0 ? kDynamicForms : kForms);
  }
  Tunnel tunnel;
  tunnel.set_kind(kind);
  if (auto read = read_listen(*parts, listen, tunnel); !read || target == 0) {
    return read ? Result<Tunnel>(std::move(tunnel)) : tl::make_unexpected(read.error());
  }
  if (auto read = read_target(*parts, tunnel); !read) {
    return tl::make_unexpected(read.error());
  }
  return tunnel;
}

}  // namespace

Result<Tunnel> parse_spec(Tunnel::Kind kind, std::string_view text) {
  auto tunnel = parse(kind, text);
  if (!tunnel) {
    const char* const option = kind == Tunnel::REMOTE    ? "-R '"
                               : kind == Tunnel::DYNAMIC ? "-D '"
                                                         : "-L '";
    return prefix(option + std::string(text.substr(0, kMaxSpec)) + "'", tunnel.error());
  }
  return tunnel;
}

std::string listen_text(const Tunnel& tunnel, std::uint32_t bound_port) {
  if (!tunnel.listen_path().empty()) {
    return tunnel.listen_path();
  }
  return host_and_port(tunnel.listen_host(), bound_port == 0 ? tunnel.listen_port() : bound_port);
}

std::string target_text(const Tunnel& tunnel) {
  if (tunnel.kind() == Tunnel::CONNECT) {
    return "its SSH server";
  }
  if (tunnel.kind() == Tunnel::RAW) {
    return "its agent";
  }
  if (tunnel.kind() == Tunnel::DYNAMIC) {
    return "SOCKS";
  }
  return tunnel.target_path().empty() ? host_and_port(tunnel.target_host(), tunnel.target_port())
                                      : tunnel.target_path();
}

std::string to_spec(const Tunnel& tunnel) {
  std::string listen =
      tunnel.listen_path().empty() ? listen_text(tunnel) : escaped(tunnel.listen_path());
  if (!has_target(tunnel.kind())) {
    return listen;
  }
  return listen + ":" +
         (tunnel.target_path().empty() ? target_text(tunnel) : escaped(tunnel.target_path()));
}

std::string describe(const Tunnel& tunnel, std::uint32_t bound_port, const std::string& job) {
  const std::string listen = listen_text(tunnel, bound_port);
  const std::string target = target_text(tunnel);
  switch (tunnel.kind()) {
    case Tunnel::REMOTE:
      return listen + " in " + job + " -> " + target;
    case Tunnel::CONNECT:
      return listen + " -> the SSH server of " + job;
    case Tunnel::RAW:
      return listen + " -> the agent's own SSH server of " + job;
    case Tunnel::DYNAMIC:
      return listen + " -> whatever SOCKS asks for, from " + job;
    default:
      return listen + " -> " + target + " in " + job;
  }
}

const char* kind_name(Tunnel::Kind kind) {
  switch (kind) {
    case Tunnel::REMOTE:
      return "remote";
    case Tunnel::CONNECT:
      return "connect";
    case Tunnel::RAW:
      return "raw";
    case Tunnel::DYNAMIC:
      return "dynamic";
    default:
      return "local";
  }
}

bool same_target(const Tunnel& one, const Tunnel& other) {
  return one.kind() == other.kind() && one.target_host() == other.target_host() &&
         one.target_port() == other.target_port() && one.target_path() == other.target_path();
}

bool same_place(const Tunnel& one, const Tunnel& other) {
  const bool same_side = (one.kind() == Tunnel::REMOTE) == (other.kind() == Tunnel::REMOTE);
  return same_side && one.listen_host() == other.listen_host() &&
         one.listen_path() == other.listen_path() && one.listen_port() == other.listen_port();
}

bool same_tunnel(const Tunnel& one, const Tunnel& other) {
  return same_place(one, other) && same_target(one, other);
}

std::string moved_text(const TunnelState& state) {
  const std::uint32_t wanted = state.tunnel().listen_port();
  if (state.bound_port() == 0 || state.bound_port() == wanted || wanted == 0) {
    return "";
  }
  return "port " + std::to_string(wanted) + " is taken here: listening on " +
         std::to_string(state.bound_port());
}

}  // namespace rdev::tunnels
