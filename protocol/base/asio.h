#pragma once

// The one way that this code names Asio: `asio::`, coroutines, errors as values.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "protocol/base/result.h"

namespace rdev {

namespace asio = boost::asio;

template <class T>
using awaitable = asio::awaitable<T, asio::any_io_executor>;

// `auto [error, n] = co_await socket.async_read_some(buffer, use_tuple);`
inline constexpr auto use_tuple = asio::as_tuple(asio::use_awaitable);

}  // namespace rdev
