#include "client/storage/azure_client.h"

#include <ctime>

#include "client/storage/azure_answers.h"
#include "client/storage/azure_sign.h"
#include "client/storage/path.h"
#include "client/storage/stream_limits.h"
#include "client/ui/table.h"

namespace rdev::storage {
namespace {

constexpr char kVersion[] = "2019-12-12";

Code code_of(int status, const std::string& code) {
  switch (status) {
    case 401:
    case 403:
      return Code::kPermission;
    case 404:
      return Code::kNotFound;
    case 408:
    case 429:
      return Code::kUnavailable;
    case 409:
      return code == "BlobAlreadyExists" ? Code::kExists : Code::kFailed;
    default:
      return status >= 500 ? Code::kUnavailable : Code::kFailed;
  }
}

const char* advice(int status) {
  switch (status) {
    case 401:
    case 403:
      return ". The cluster's key or token may be old, or not for this: ask its admin";
    case 412:
      return ". It has been changed meanwhile: copy it again";
    default:
      return status >= 300 && status < 400 ? ". Is the endpoint's address right?" : "";
  }
}

tl::unexpected<Error> refused(const http::Answer& answer, const std::string& what) {
  const auto header = answer.headers.find("x-ms-error-code");
  const std::string code = header != answer.headers.end()
                               ? ui::printable_line(header->second.substr(0, 64))
                               : parse_error_code(answer.body);
  return fail(code_of(answer.status, code),
              what + ": the blob service answers " + std::to_string(answer.status) +
                  (code.empty() ? "" : " " + code) + advice(answer.status));
}

}  // namespace

AzureClient::AzureClient(AzureOptions options)
    : options_(std::move(options)),
      client_({.base = options_.endpoint,
               .tls = options_.tls,
               .limit = kCallLimit,
               .stall = kStallLimit}) {
  if (options_.sas.starts_with('?')) {
    options_.sas.erase(0, 1);
  }
}

Result<http::Call> AzureClient::sign(AzureCall& call) const {
  std::string path = "/" + encode(options_.container);
  if (!call.blob.empty()) {
    path += "/" + encode_path(call.blob);
  }
  call.headers["x-ms-version"] = kVersion;
  call.headers["x-ms-date"] = http_date(std::time(nullptr));
  if (options_.sas.empty()) {
    const auto authorization =
        shared_key(options_.account, options_.key,
                   {.method = call.method,
                    .path = options_.endpoint.path + path,
                    .query = call.query,
                    .headers = call.headers,
                    .body_bytes = call.source.read ? call.source.bytes : call.body.size()});
    if (!authorization) {
      return tl::make_unexpected(authorization.error());
    }
    call.headers["authorization"] = *authorization;
  }
  std::string query;
  for (const auto& [name, value] : call.query) {
    query += (query.empty() ? "?" : "&") + name + "=" + encode(value);
  }
  if (!options_.sas.empty()) {
    query += (query.empty() ? "?" : "&") + options_.sas;
  }
  http::Call made{.method = call.method,
                  .target = path + query,
                  .headers = {call.headers.begin(), call.headers.end()},
                  .body = std::move(call.body),
                  .max_bytes = call.max_bytes,
                  // Each of them puts something into a state.
                  .repeatable = true,
                  .source = std::move(call.source),
                  .sink = std::move(call.sink)};
  return made;
}

awaitable<Result<http::Answer>> AzureClient::call(AzureCall call) {
  const std::string what = call.blob.empty() ? "the container " + options_.container : call.blob;
  auto made = sign(call);
  if (!made) {
    co_return tl::make_unexpected(made.error());
  }
  auto answer = co_await client_.call(std::move(*made));
  if (!answer) {
    co_return prefix(what, answer.error());
  }
  if (answer->status / 100 != 2) {
    co_return refused(*answer, what);
  }
  co_return answer;
}

}  // namespace rdev::storage
