#pragma once

#include <string>
#include <string_view>

#include "protocol/base/result.h"

namespace rdev::http {

// What the requests to a server have in common: "https://pai.example.com/rest-server".
struct Base {
  bool tls = false;
  std::string host;  // an IPv6 address without its brackets
  std::string port;
  std::string path;  // "" or "/rest-server": no slash at its end

  // HOST or HOST:PORT, as the Host header has it.
  std::string authority() const;
  std::string text() const;
};

// Code::kUsage for what is none. Userinfo is refused: a password does not belong into a URL.
Result<Base> parse_base(std::string_view url);

// A whole URL taken apart at the end of its authority.
struct Target {
  Base base;         // without a path
  std::string rest;  // path and query, "/" at least
};
Result<Target> parse_url(std::string_view url);

}  // namespace rdev::http
