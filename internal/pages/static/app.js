// Comfort for who has scripts: buttons that copy, and lists that follow what is typed. Every page does all it can
// without.
'use strict';

(function () {
  function select(pre) {
    var range = document.createRange(), selection = window.getSelection();
    range.selectNodeContents(pre);
    selection.removeAllRanges();
    selection.addRange(range);
  }

  // Copying has to work where a mirror has no TLS, and navigator.clipboard does not.
  function copy(text, pre) {
    if (!navigator.clipboard || !window.isSecureContext) return bySelection(pre);
    return navigator.clipboard.writeText(text).catch(function () { return bySelection(pre); });
  }

  function bySelection(pre) {
    select(pre);
    return document.execCommand('copy') ? Promise.resolve() : Promise.reject(new Error('not allowed'));
  }

  document.querySelectorAll('.copy').forEach(function (box) {
    var pre = box.querySelector('pre'), button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'Copy';
    button.setAttribute('aria-label', 'Copy: ' + pre.getAttribute('aria-label'));
    button.addEventListener('click', function () {
      copy(pre.textContent, pre).then(function () { button.textContent = 'Copied'; }, function () {
        select(pre);
        button.textContent = 'Press Ctrl-C';
      });
      window.setTimeout(function () { button.textContent = 'Copy'; }, 2000);
    });
    box.classList.add('js');
    box.appendChild(button);
  });

  // A form with data-live="ID" shows its own answer in #ID as one types: the part of that name of the page
  // that the form leads to.
  document.querySelectorAll('form[data-live]').forEach(function (form) {
    var id = form.dataset.live, timer = 0, asked = null, input = form.querySelector('input[type=search]');
    var shown = address();

    function address() {
      var to = new URL(form.action), from = new FormData(form);
      from.forEach(function (value, name) { if (value !== '') to.searchParams.set(name, value); });
      return to.href;
    }

    function show() {
      var url = address(), area = document.getElementById(id);
      if (url === shown || !area) return;
      if (asked) asked.abort();
      var mine = asked = new AbortController();
      area.setAttribute('aria-busy', 'true');
      fetch(url, { signal: mine.signal, headers: { Accept: 'text/html' } }).then(function (answer) {
        if (!answer.ok) throw new Error(answer.statusText);
        return answer.text().then(function (text) {
          var page = new DOMParser().parseFromString(text, 'text/html'), part = page.getElementById(id);
          if (!part || mine.signal.aborted) return;
          // Its links are relative to its own address, which becomes this page's.
          window.history.replaceState(null, '', answer.url);
          // Of a status that is told anew screen readers would not speak, of one that changes they do.
          var told = area.querySelector('[role=status]'), news = part.querySelector('[role=status]');
          if (told && news) {
            told.replaceChildren.apply(told, Array.from(news.childNodes));
            news.remove();
            Array.from(area.childNodes).forEach(function (node) { if (node !== told) node.remove(); });
            area.append.apply(area, Array.from(part.childNodes));
          } else {
            area.replaceChildren.apply(area, Array.from(part.childNodes));
          }
          area.removeAttribute('aria-busy');
          shown = url;
        });
      }).catch(function () {
        if (!mine.signal.aborted) area.removeAttribute('aria-busy');
      });
    }

    form.addEventListener('input', function (e) {
      window.clearTimeout(timer);
      timer = window.setTimeout(show, e.target === input ? 180 : 0);
    });
    form.addEventListener('submit', function (e) {
      if (!document.getElementById(id)) return;
      e.preventDefault();
      window.clearTimeout(timer);
      show();
    });
  });

  // "/" goes to the search, as on many sites.
  document.addEventListener('keydown', function (e) {
    if (e.key !== '/' || e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, select, textarea')) return;
    var field = document.getElementById('filter') || document.getElementById('find');
    if (field) { e.preventDefault(); field.focus(); field.select(); }
  });
})();
