"""The few HTTP calls that the demo makes, with the standard library alone."""
import json
import urllib.error
import urllib.request


class FarmError(Exception):
    pass


class Client:
    def __init__(self, server, token_file):
        self.server = server.rstrip('/')
        self.token_file = token_file

    def get(self, path, timeout=10):
        request = urllib.request.Request(self.server + path)
        request.add_header('Authorization', 'Bearer ' + open(self.token_file).read().strip())
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            try:
                said = json.load(error)
                raise FarmError(f"{said['code']}: {said['message']}") from error
            except (ValueError, KeyError):
                raise FarmError(f'{path}: HTTP {error.code}') from error
        except (urllib.error.URLError, OSError) as error:
            raise FarmError(f'{self.server}: {error}') from error

    def ready(self):
        try:
            with urllib.request.urlopen(self.server + '/readyz', timeout=2) as response:
                return response.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def pages(self, path):
        """All items of a paged list."""
        separator = '&' if '?' in path else '?'
        after = ''
        while True:
            page = self.get(f'{path}{separator}limit=1000{after}')
            yield from page['items']
            if not page['next']:
                return
            after = f"&after={page['next']}"

    def job(self, job):
        return self.get(f'/api/v1/jobs/{job}')

    def frames(self, job):
        return list(self.pages(f'/api/v1/jobs/{job}/frames'))

    def attempts(self, job):
        return list(self.pages(f'/api/v1/jobs/{job}/attempts'))

    def workers(self):
        return self.get('/api/v1/workers')['items']
