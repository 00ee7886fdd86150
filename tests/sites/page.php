<?php
// A site of one page, as a town's webmaster once wrote it: articles in a JSON file, a session, no
// tokens, errors in a div, in windows-1251 as such sites are. It runs under php -S.
mb_internal_encoding('UTF-8');
$place = getenv('CROSSPOST_SITE');
$store = "$place/articles.json";
$lock = fopen("$place/lock", 'c');
flock($lock, LOCK_EX);
$articles = is_file($store) ? json_decode(file_get_contents($store), true) : [];
session_save_path($place);
session_start();

function out($html) { echo mb_convert_encoding($html, 'Windows-1251', 'UTF-8'); exit; }
function given($name) {
    return trim(mb_convert_encoding($_POST[$name] ?? '', 'UTF-8', 'Windows-1251'));
}
function e($text) { return htmlspecialchars((string) $text, ENT_QUOTES, 'UTF-8'); }
function page($title, $html) {
    header('Content-Type: text/html; charset=windows-1251');
    out("<html><head><title>$title</title></head><body>$html</body></html>");
}
function save($articles) {
    global $store;
    file_put_contents("$store.new", json_encode($articles, JSON_UNESCAPED_UNICODE));
    rename("$store.new", $store);
}

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (preg_match('~^/files/([\w.-]+)$~', $path, $found)) {
    header('Content-Type: image/png');
    readfile("$place/files/$found[1]");
    exit;
}
if (preg_match('~^/read/(\d+)$~', $path, $found)) {
    $one = $articles[$found[1]] ?? null;
    if (!$one || $one['hidden']) { http_response_code(404); page('Нет', 'Нет такой страницы'); }
    $cover = $one['cover'] ? "<img src='/files/" . e($one['cover']) . "'>" : '';
    page(e($one['title']), '<main><h1>' . e($one['title']) . "</h1>$cover" . $one['text'] . '</main>');
}
if ($path == '/enter') {
    $wrong = '';
    if ($_POST) {
        if ($_POST['who'] == 'author' && given('secret') == 'пароль') {
            $_SESSION['who'] = 'author';
            header('Location: /list');
            exit;
        }
        $wrong = '<div class="bad">Имя или пароль неверны</div>';
    }
    page('Вход', "$wrong<form method=post><table><tr><td>Имя<td><input name=who>
        <tr><td>Пароль<td><input type=password name=secret></table>
        <input type=submit value=Войти></form>");
}
if (empty($_SESSION['who'])) { header('Location: /enter'); exit; }
if ($path == '/list') {
    $rows = '';
    foreach ($articles as $id => $one)
        $rows .= "<tr><td><a href='/article?id=$id'>" . e($one['title']) . '</a><td>' . e($one['code'])
            . "<td>$one[day]";
    page('Статьи', "<a href='/article'>Новая</a><table>$rows</table>");
}
if ($path == '/article') {
    $id = $_GET['id'] ?? '';
    if ($id !== '' && !isset($articles[$id])) { page('Нет', 'Такой статьи нет'); }
    $one = $articles[$id] ?? ['title' => '', 'code' => '', 'text' => '', 'day' => '01.01.2025',
        'rubric' => '1', 'tags' => '', 'cover' => '', 'hidden' => false];
    $bad = '';
    if (isset($_POST['drop'])) {
        unset($articles[$id]);
        save($articles);
        page('Готово', 'Статья удалена');
    }
    if ($_POST) {
        foreach (['title', 'code', 'text', 'day', 'rubric', 'tags'] as $name) $one[$name] = given($name);
        $one['hidden'] = given('state') == 'h';
        if ($one['title'] == '') $bad .= '<div class="bad">Укажите заголовок</div>';
        if (!preg_match('~^\d\d\.\d\d\.\d{4}$~', $one['day'])) $bad .= '<div class="bad">Дата: ДД.ММ.ГГГГ</div>';
        if (mb_stripos($one['text'], 'казино') !== false) $bad .= '<div class="bad">Текст: это слово нельзя</div>';
        if (!$bad) {
            if (!empty($_FILES['cover']['tmp_name'])) {
                @mkdir("$place/files");
                $one['cover'] = basename($_FILES['cover']['name']);
                move_uploaded_file($_FILES['cover']['tmp_name'], "$place/files/$one[cover]");
            }
            if ($id === '') {
                $id = 1 + (int) @file_get_contents("$place/last");
                file_put_contents("$place/last", $id);
            }
            $articles[$id] = $one;
            save($articles);
            page('Готово', 'Статья сохранена. <a href="/list">К списку</a>');
        }
    }
    $cover = $one['cover'] ? "<a href='/files/" . e($one['cover']) . "'>есть</a>" : '';
    $state = fn($value) => $one['hidden'] == ($value == 'h') ? 'checked' : '';
    page('Статья', "$bad<form method=post enctype='multipart/form-data'><table>
        <tr><td>Заголовок<td><input name=title value='" . e($one['title']) . "'>
        <tr><td>Код<td><input name=code value='" . e($one['code']) . "'>
        <tr><td>Дата<td><input name=day value='" . e($one['day']) . "'>
        <tr><td>Рубрика<td><select name=rubric><option value=1>Новости<option value=2"
        . ($one['rubric'] == 2 ? ' selected' : '') . ">Блоги</select>
        <tr><td>Метки<td><input name=tags value='" . e($one['tags']) . "'>
        <tr><td>Фото<td><input type=file name=cover> $cover
        <tr><td>Показ<td><input type=radio name=state value=v {$state('v')}> виден
            <input type=radio name=state value=h {$state('h')}> скрыт
        <tr><td>Текст<td><textarea name=text>\n" . e($one['text']) . "</textarea></table>
        <input type=submit name=save value=Сохранить>"
        . ($id === '' ? '' : '<input type=submit name=drop value=Удалить>') . '</form>');
}
http_response_code(404);
page('Нет', 'Нет такой страницы');
