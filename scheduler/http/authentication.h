// Who sends a request: a program by its bearer token, a browser by the cookie of its session. What a browser changes must
// come from the farm's own page, since browsers send cookies by themselves.
//
// Errors: auth.missing, auth.unknown, auth.expired, auth.role, auth.cross_site.
#pragma once

#include "scheduler/http/call.h"

namespace framemill::scheduler {

// How a door learns who asks.
using Identify = base::Result<Caller> (*)(const net::HttpRequest& request, const ApiState& api);

// By token or session.
base::Result<Caller> authenticate(const net::HttpRequest& request, const ApiState& api);
// Who asks, if the route wants to know and lets them.
base::Result<Caller> caller_of(const net::HttpRequest& request, const ApiRoute& route, const ApiState& api,
                               Identify identify);

}  // namespace framemill::scheduler
