#pragma once

#include "client/http/json.h"

namespace rdev::cluster::docker {

namespace json = boost::json;

using http::bool_at, http::find_at, http::int_at, http::parse_json, http::text_at, http::texts_at,
    http::to_json;

}  // namespace rdev::cluster::docker
