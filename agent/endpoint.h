#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <string_view>

#include "protocol/base/listener.h"

namespace rdev::agent {

// "0.0.0.0:2222", "[::1]:2222". Addresses only: a name may mean more than one.
Result<asio::ip::tcp::endpoint> parse_endpoint(std::string_view text);

using base::text;  // the other way round

}  // namespace rdev::agent
