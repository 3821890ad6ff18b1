#include "client/carrier/host.h"

#include <algorithm>
#include <charconv>

namespace rdev::carrier {
namespace {

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && rest == text.data() + text.size() && port > 0 && port < 65536;
}

bool is_word(std::string_view text) {
  return !text.empty() && text[0] != '-' && std::all_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != 0x7f;
  });
}

}  // namespace

Result<Host> parse_host(std::string_view text) {
  const auto wrong = fail(Code::kUsage, "'" + std::string(text) +
                                            "' is no host: write [USER@]HOST or [USER@]HOST:PORT");
  Host host;
  std::string_view rest = text;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    host.user = rest.substr(0, at);
    rest.remove_prefix(at + 1);
    if (!is_word(host.user)) {
      return wrong;
    }
  }
  std::size_t colon = rest.rfind(':');
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos || (end + 1 < rest.size() && colon != end + 1)) {
      return wrong;
    }
    host.host = rest.substr(1, end - 1);
    colon = end + 1 < rest.size() ? colon : std::string_view::npos;
  } else if (colon != rest.find(':')) {
    colon = std::string_view::npos;  // an IPv6 address without brackets
    host.host = rest;
  } else {
    host.host = rest.substr(0, colon);
  }
  if (colon != std::string_view::npos) {
    host.port = rest.substr(colon + 1);
    if (!is_port(host.port)) {
      return wrong;
    }
  }
  return is_word(host.host) ? Result<Host>(std::move(host)) : wrong;
}

}  // namespace rdev::carrier
