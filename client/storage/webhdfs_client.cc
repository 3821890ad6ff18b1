#include "client/storage/webhdfs_client.h"

#include <array>

#include "client/storage/path.h"
#include "client/storage/stream_limits.h"
#include "client/storage/webhdfs_answers.h"

namespace rdev::storage {
namespace {

struct Named {
  std::string_view name;
  Code code;
};

// The last ones pass when the name node has found out that a writer has gone.
constexpr std::array<Named, 10> kNamed = {{
    {"FileNotFoundException", Code::kNotFound},
    {"AccessControlException", Code::kPermission},
    {"SecurityException", Code::kPermission},
    {"FileAlreadyExistsException", Code::kExists},
    {"RetriableException", Code::kUnavailable},
    {"StandbyException", Code::kUnavailable},
    {"SafeModeException", Code::kUnavailable},
    {"AlreadyBeingCreatedException", Code::kUnavailable},
    {"RecoveryInProgressException", Code::kUnavailable},
    {"LeaseExpiredException", Code::kUnavailable},
}};

Code code_of(int status, std::string_view name) {
  for (const Named& named : kNamed) {
    if (named.name == name) {
      return named.code;
    }
  }
  return status == 401 || status == 403 ? Code::kPermission
         : status == 404                ? Code::kNotFound
         : status >= 500                ? Code::kUnavailable
                                        : Code::kFailed;
}

tl::unexpected<Error> refused(const http::Answer& answer, const std::string& what) {
  const auto [name, message] = parse_remote_exception(answer.body);
  return fail(code_of(answer.status, name),
              what + ": WebHDFS answers " + std::to_string(answer.status) +
                  (name.empty() ? ". Is that its address?" : " " + name) +
                  (message.empty() ? "" : ": " + message));
}

http::ClientOptions to(const http::Base& base, const http::TlsOptions& tls) {
  return {.base = base, .tls = tls, .limit = kCallLimit, .stall = kStallLimit};
}

bool is_redirect(int status) { return status == 307 || status == 302 || status == 301; }

}  // namespace

HdfsClient::HdfsClient(WebHdfsOptions options)
    : options_(std::move(options)), name_node_(to(options_.endpoint, options_.tls)) {}

std::string HdfsClient::full_path(const std::string& path) const {
  return "/" + join(options_.root, path);
}

std::string HdfsClient::target(const HdfsCall& call) const {
  std::string target = encode_path(full_path(call.path)) + "?op=" + call.op;
  for (const auto& [name, value] : call.more) {
    target += "&" + name + "=" + encode(value);
  }
  return target + "&user.name=" + encode(options_.user);
}

Result<http::Target> where_to(const http::Base& endpoint, const std::string& location) {
  if (location.starts_with('/') && !location.starts_with("//")) {
    http::Base base = endpoint;
    base.path.clear();
    return http::Target{.base = base, .rest = location};
  }
  auto target = http::parse_url(location);
  if (!target) {
    return fail(Code::kProtocol, "WebHDFS sends to an address that is none");
  }
  if (endpoint.tls && !target->base.tls) {
    return fail(Code::kPermission, "WebHDFS sends from https to http, to " +
                                       target->base.authority() + ": the files would be readable");
  }
  return target;
}

http::Client& HdfsClient::data_node(const http::Base& base) {
  auto& client = data_nodes_[base.text()];
  if (!client) {
    client = std::make_unique<http::Client>(to(base, options_.tls));
  }
  return *client;
}

// The bytes go to the second address, never to the first.
awaitable<Result<http::Answer>> HdfsClient::follow(const HdfsCall& call,
                                                   const http::Answer& redirect) {
  const auto target = where_to(options_.endpoint, redirect.location);
  if (!target) {
    co_return tl::make_unexpected(target.error());
  }
  http::Call made{.method = call.method,
                  .target = target->rest,
                  .headers = {},
                  .body = {},
                  .source = call.source,
                  .sink = call.sink};
  if (call.source.read) {
    made.headers.emplace_back("Content-Type", "application/octet-stream");
  }
  co_return co_await data_node(target->base).call(std::move(made));
}

awaitable<Result<http::Answer>> HdfsClient::send(const HdfsCall& call) {
  http::Call made{.method = call.method,
                  .target = target(call),
                  .headers = {},
                  .body = {},
                  .max_bytes = kMaxJson,
                  .repeatable = call.repeatable,
                  .sink = call.sink};
  auto answer = co_await name_node_.call(std::move(made));
  if (answer && is_redirect(answer->status)) {
    const http::Answer redirect = *std::move(answer);
    answer = co_await follow(call, redirect);
  } else if (answer && answer->status / 100 == 2 && call.source.read) {
    co_return fail(Code::kProtocol, "WebHDFS takes no bytes: it sends to no data node");
  }
  co_return answer;
}

awaitable<Result<http::Answer>> HdfsClient::call(HdfsCall call) {
  const std::string what = full_path(call.path);
  auto answer = co_await send(call);
  if (!answer) {
    co_return prefix(what, answer.error());
  }
  if (answer->status / 100 != 2) {
    co_return refused(*answer, what);
  }
  co_return answer;
}

}  // namespace rdev::storage
